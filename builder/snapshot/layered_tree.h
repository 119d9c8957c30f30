// A file system in parts: the tree of one snapshot, and the deltas of those on
// top of it, whose own trees were taken over.

#ifndef STRAKE_BUILDER_SNAPSHOT_LAYERED_TREE_H_
#define STRAKE_BUILDER_SNAPSHOT_LAYERED_TREE_H_

#include <string_view>
#include <vector>

#include "builder/snapshot/probe_snapshotter.h"
#include "builder/snapshot/snapshot_delta.h"
#include "builder/snapshot/snapshot_store.h"
#include "oci/change.h"
#include "util/ownership_journal.h"
#include "util/result.h"

namespace strake::builder::snapshot {

struct LayeredTree {
  CommittedSnapshot base;  // its tree is open
  OwnershipJournal base_journal;
  std::vector<SnapshotDelta> deltas;      // the last first
  std::vector<CommittedSnapshot> locked;  // whose deltas these are

  // Who of the deltas says what `path` is, and what; nothing where it is the
  // base's. REQUIRES: there is such a file.
  struct Changed {
    const oci::Change* change = nullptr;
    int files = -1;  // where its content is
  };
  Changed Find(std::string_view path) const;
};

// That of `id`: itself, where its tree is there.
Result<LayeredTree> OpenLayeredTree(const SnapshotStore& store,
                                    const SnapshotId& id);

// Makes one tree of it in `directory`, which is empty. Gives its journal.
Result<OwnershipJournal> CopyLayeredTree(const LayeredTree& tree, int directory,
                                         OwnershipForm ownership);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_LAYERED_TREE_H_
