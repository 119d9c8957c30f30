// Snapshots as whole directories, each a copy of its parent: needs nothing of
// the kernel and no privilege. Where the file system shares extents between
// files (btrfs, XFS) a copy costs little.

#ifndef STRAKE_BUILDER_SNAPSHOT_PLAIN_SNAPSHOTTER_H_
#define STRAKE_BUILDER_SNAPSHOT_PLAIN_SNAPSHOTTER_H_

#include <string>
#include <string_view>
#include <vector>

#include "builder/snapshot/stored_snapshotter.h"

namespace strake::builder::snapshot {

class PlainSnapshotter final : public StoredSnapshotter {
 public:
  using StoredSnapshotter::StoredSnapshotter;

  std::string_view name() const override { return "plain"; }
  Result<MountedRoot> Mount(ActiveSnapshot& active) override;
  Result<MountedRoot> View(const SnapshotId& snapshot) override;
  Result<LayerTarget> Target(ActiveSnapshot& active) override;

 protected:
  Status Start(StoredActive& active) override;
  Status Settle(StoredActive& active) override;
  Result<std::vector<oci::Change>> Compare(const Comparison& states) override;
  Result<JournalledFile> Probe(const StoredActive& active,
                               const std::string& path) override;
};

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_PLAIN_SNAPSHOTTER_H_
