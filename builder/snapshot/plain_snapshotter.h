// Snapshots as whole directories: needs nothing of the kernel and no privilege.
//
// A snapshot begins as a copy of its parent. (Where the file system shares
// extents between files, btrfs or XFS, a copy costs little.) So that a chain of
// steps does not make as many copies, one that was committed to be handed on
// (`ActiveSnapshot::SetHandedOn`) gives its tree to the first snapshot that is
// prepared on top of it, unless somebody is reading it; what it changed over
// its parent stays behind as a delta, and its tree is made again from those
// when it is asked for. Only a snapshot that has a delta ever loses its tree,
// so never a base image. A tree that was taken is not found under its old name
// any more, whatever becomes of it.

#ifndef STRAKE_BUILDER_SNAPSHOT_PLAIN_SNAPSHOTTER_H_
#define STRAKE_BUILDER_SNAPSHOT_PLAIN_SNAPSHOTTER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/snapshot/known_trees.h"
#include "builder/snapshot/stored_snapshotter.h"

namespace strake::builder::snapshot {

struct PlainActive;

class PlainSnapshotter final : public StoredSnapshotter {
 public:
  using StoredSnapshotter::StoredSnapshotter;

  std::string_view name() const override { return "plain"; }
  Result<MountedRoot> Mount(ActiveSnapshot& active) override;
  Result<MountedRoot> View(const SnapshotId& snapshot) override;
  Result<LayerTarget> Target(ActiveSnapshot& active) override;
  Status Commit(std::unique_ptr<ActiveSnapshot> active,
                const SnapshotId& id) override;

 protected:
  std::unique_ptr<StoredActive> MakeActive() override;
  Status Start(StoredActive& active) override;
  Status Settle(StoredActive& active, const OwnershipJournal& journal) override;
  Result<std::optional<SnapshotDiff>> KnownDiff(
      CommittedSnapshot& snapshot) override;
  Result<std::vector<oci::Change>> Compare(const Comparison& states) override;
  Result<JournalledFile> Probe(const StoredActive& active,
                               const std::string& path) override;

 private:
  // Makes the parent's tree that of `active`: by taking it over, else as a copy
  // of it or of what it can be made of.
  Status FillFromParent(PlainActive& active);
  Result<bool> TakeFromParent(PlainActive& active);
  // Leaves in the staging directory what the delta of `active` is.
  Status KeepDelta(PlainActive& active, const OwnershipJournal& journal);
  // Makes the tree of `snapshot` anew, where there is none.
  Status RestoreTree(CommittedSnapshot& snapshot);

  KnownTrees known_;
};

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_PLAIN_SNAPSHOTTER_H_
