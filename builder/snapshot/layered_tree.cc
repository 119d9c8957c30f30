#include "builder/snapshot/layered_tree.h"

#include <utility>

#include "builder/snapshot/apply_changes.h"
#include "builder/snapshot/file_metadata.h"
#include "builder/snapshot/root_attributes.h"
#include "util/result_macros.h"
#include "util/tree_copy.h"

namespace strake::builder::snapshot {
namespace {

oci::LayerApplyOptions ApplyOptions(OwnershipForm ownership,
                                    OwnershipJournal& journal) {
  oci::LayerApplyOptions options;
  options.whiteouts = oci::WhiteoutForm::kDelete;
  if (ownership == OwnershipForm::kReal) return options;
  options.journal = &journal;
  options.journal_use = ownership == OwnershipForm::kVirtual
                            ? JournalUse::kAll
                            : JournalUse::kRefused;
  return options;
}

// Leaves `delta` as it was.
Status Apply(const SnapshotDelta& delta, int directory,
             const oci::LayerApplyOptions& options) {
  SnapshotDiff diff;
  diff.changes = delta.changes;
  ASSIGN_OR_RETURN(diff.root, DuplicateFd(delta.files.get()));
  return ApplyChanges(diff, directory, options);
}

}  // namespace

LayeredTree::Changed LayeredTree::Find(std::string_view path) const {
  for (const SnapshotDelta& delta : deltas) {
    if (const oci::Change* change = delta.FindPresent(path)) {
      return {change, delta.files.get()};
    }
  }
  return {};
}

Result<LayeredTree> OpenLayeredTree(const SnapshotStore& store,
                                    const SnapshotId& id) {
  LayeredTree tree;
  ASSIGN_OR_RETURN(CommittedSnapshot top, store.Find(id));
  const std::vector<SnapshotId> parents = top.parents;
  auto next = parents.begin();
  for (CommittedSnapshot snapshot = std::move(top);;) {
    if (store.OpenTree(snapshot)) {
      ASSIGN_OR_RETURN(tree.base_journal, store.Journal(snapshot));
      tree.base = std::move(snapshot);
      return tree;
    }
    auto delta = LoadDelta(snapshot.directory.get());
    if (!delta) {
      return std::move(delta).error().Wrap("snapshot " + snapshot.id);
    }
    ASSIGN_OR_RETURN(delta->files, DuplicateFd(snapshot.delta.get()));
    tree.deltas.push_back(*std::move(delta));
    tree.locked.push_back(std::move(snapshot));
    if (next == parents.end()) {
      return Corrupt("snapshot " + id + ": none below it has its files");
    }
    ASSIGN_OR_RETURN(snapshot, store.Find(*next++));
  }
}

Result<OwnershipJournal> CopyLayeredTree(const LayeredTree& tree, int directory,
                                         OwnershipForm ownership) {
  RETURN_IF_ERROR(CopyTree(tree.base.fs.get(), directory, IsContentXattr));
  OwnershipJournal journal = tree.base_journal;
  const oci::LayerApplyOptions options = ApplyOptions(ownership, journal);
  int root = tree.base.fs.get();
  for (auto delta = tree.deltas.rbegin(); delta != tree.deltas.rend();
       ++delta) {
    RETURN_IF_ERROR(Apply(*delta, directory, options));
    root = delta->files.get();
  }
  RETURN_IF_ERROR(CopyRootAttributes(root, directory));
  return journal;
}

}  // namespace strake::builder::snapshot
