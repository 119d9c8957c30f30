#include "builder/snapshot/stored_snapshotter.h"

#include <utility>

#include "util/result_macros.h"

namespace strake::builder::snapshot {
Result<std::unique_ptr<ActiveSnapshot>> StoredSnapshotter::Prepare(
    const std::optional<SnapshotId>& parent) {
  std::unique_ptr<StoredActive> active = MakeActive();
  if (parent) {
    ASSIGN_OR_RETURN(active->parent, store_->Find(*parent));
    ASSIGN_OR_RETURN(active->parent_owners, store_->Journal(*active->parent));
    active->owners = active->parent_owners;
  }
  ASSIGN_OR_RETURN(active->staging, store_->Stage());
  RETURN_IF_ERROR(Start(*active));
  return std::unique_ptr<ActiveSnapshot>(std::move(active));
}

Status StoredSnapshotter::Commit(std::unique_ptr<ActiveSnapshot> active,
                                 const SnapshotId& id) {
  StoredActive& own = Own(*active);
  ASSIGN_OR_RETURN(OwnershipJournal journal, Journal(own));
  RETURN_IF_ERROR(Settle(own, journal));
  return store_->Publish(std::move(own.staging), id, own.Below(), journal);
}

Result<OwnershipJournal> StoredSnapshotter::Journal(const SnapshotId& id) {
  ASSIGN_OR_RETURN(CommittedSnapshot snapshot, store_->Find(id));
  return store_->Journal(snapshot);
}

Result<OwnershipJournal> StoredSnapshotter::Journal(ActiveSnapshot& active) {
  StoredActive& own = Own(active);
  // Whoever wrote to it has kept its journal.
  if (ownership_ == OwnershipForm::kVirtual) return own.owners;
  return RefreshJournal(
      own.owners, own.parent_owners,
      [&](const std::string& path) { return Probe(own, path); });
}

Result<SnapshotDiff> StoredSnapshotter::Diff(const SnapshotId& id) {
  return Diff(id, ContentBelow::kKnown);
}

Result<SnapshotDiff> StoredSnapshotter::DiffToOutline(const SnapshotId& id) {
  return Diff(id, ContentBelow::kUnknown);
}

Result<std::optional<SnapshotDiff>> StoredSnapshotter::KnownDiff(
    CommittedSnapshot&) {
  return std::optional<SnapshotDiff>();
}

Result<SnapshotDiff> StoredSnapshotter::Diff(const SnapshotId& id,
                                             ContentBelow content) {
  ASSIGN_OR_RETURN(CommittedSnapshot snapshot, store_->Find(id));
  auto known = KnownDiff(snapshot);
  if (!known) return std::move(known).error().Wrap("diff of " + id);
  if (*known) return **std::move(known);
  ASSIGN_OR_RETURN(OwnershipJournal journal, store_->Journal(snapshot));
  std::optional<CommittedSnapshot> parent;
  OwnershipJournal parent_journal;
  if (!snapshot.parents.empty()) {
    auto found = store_->Find(snapshot.parents[0]);
    if (!found) return std::move(found).error().Wrap("diff of " + id);
    parent = *std::move(found);
    ASSIGN_OR_RETURN(parent_journal, store_->Journal(*parent));
  }
  SnapshotDiff diff;
  auto changes = Compare({snapshot, journal, parent, parent_journal, content});
  if (!changes) return std::move(changes).error().Wrap("diff of " + id);
  diff.changes = *std::move(changes);
  diff.root = std::move(snapshot.fs);
  return diff;
}

}  // namespace strake::builder::snapshot
