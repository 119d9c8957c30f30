// What the snapshotters share that keep their snapshots in a `SnapshotStore`:
// all but how a file system comes about and how two are compared.

#ifndef STRAKE_BUILDER_SNAPSHOT_STORED_SNAPSHOTTER_H_
#define STRAKE_BUILDER_SNAPSHOT_STORED_SNAPSHOTTER_H_

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "builder/snapshot/file_metadata.h"
#include "builder/snapshot/journal_refresh.h"
#include "builder/snapshot/probe_snapshotter.h"
#include "builder/snapshot/snapshot_store.h"
#include "builder/snapshot/snapshotter.h"

namespace strake::builder::snapshot {

struct StoredActive : ActiveSnapshot {
  OwnershipJournal& journal() override { return owners; }
  void SetTouched(std::set<std::string> paths) override {
    touched = std::move(paths);
  }
  void SetHandedOn() override { handed_on = true; }

  std::optional<CommittedSnapshot> parent;  // kept from removal
  std::unique_ptr<StagingDirectory> staging;
  OwnershipJournal parent_owners;
  OwnershipJournal owners;
  std::optional<std::set<std::string>> touched;
  bool handed_on = false;
  int mounts = 0;  // how often it was mounted

  // The chain below it, top first.
  std::vector<SnapshotId> Below() const {
    return parent ? parent->Chain() : std::vector<SnapshotId>();
  }
};

class StoredSnapshotter : public Snapshotter {
 public:
  StoredSnapshotter(std::shared_ptr<const SnapshotStore> store,
                    OwnershipForm ownership)
      : store_(std::move(store)), ownership_(ownership) {}

  JournalUse journal_use() const override {
    return ownership_ == OwnershipForm::kVirtual ? JournalUse::kAll
                                                 : JournalUse::kRefused;
  }
  Result<std::unique_ptr<ActiveSnapshot>> Prepare(
      const std::optional<SnapshotId>& parent) override;
  Status Commit(std::unique_ptr<ActiveSnapshot> active,
                const SnapshotId& id) override;
  bool Exists(const SnapshotId& id) override { return store_->Exists(id); }
  Result<SnapshotDiff> Diff(const SnapshotId& id) override;
  Result<SnapshotDiff> DiffToOutline(const SnapshotId& id) override;
  Result<OwnershipJournal> Journal(const SnapshotId& id) override;
  Result<OwnershipJournal> Journal(ActiveSnapshot& active) override;
  Result<std::vector<SnapshotId>> List() override { return store_->List(); }
  Status Remove(const SnapshotId& id) override { return store_->Remove(id); }
  Status RemoveAbandoned() override { return store_->RemoveAbandoned(); }

 protected:
  // What was kept of a comparison that was made before; nothing where none was.
  virtual Result<std::optional<SnapshotDiff>> KnownDiff(
      CommittedSnapshot& snapshot);
  // Two states to be compared, with their whole journals.
  struct Comparison {
    const CommittedSnapshot& snapshot;
    const OwnershipJournal& journal;
    const std::optional<CommittedSnapshot>& parent;
    const OwnershipJournal& parent_journal;
    ContentBelow content;
  };

  const SnapshotStore& store() const { return *store_; }
  OwnershipForm ownership() const { return ownership_; }
  // Every ActiveSnapshot that is passed to us came from our `Prepare`.
  static StoredActive& Own(ActiveSnapshot& active) {
    return static_cast<StoredActive&>(active);
  }

  virtual std::unique_ptr<StoredActive> MakeActive() {
    return std::make_unique<StoredActive>();
  }
  // Fills the staging directory of a new active snapshot, whose `fs` is empty.
  virtual Status Start(StoredActive& active) = 0;
  // Clears away what only an active snapshot needs, and adds what a committed
  // one does.
  //   journal  what will be that of the snapshot
  virtual Status Settle(StoredActive& active,
                        const OwnershipJournal& journal) = 0;
  virtual Result<std::vector<oci::Change>> Compare(
      const Comparison& states) = 0;
  // Says what became of a file that has an entry in the parent's journal.
  virtual Result<JournalledFile> Probe(const StoredActive& active,
                                       const std::string& path) = 0;

 private:
  Result<SnapshotDiff> Diff(const SnapshotId& id, ContentBelow content);

  std::shared_ptr<const SnapshotStore> store_;
  const OwnershipForm ownership_;
};

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_STORED_SNAPSHOTTER_H_
