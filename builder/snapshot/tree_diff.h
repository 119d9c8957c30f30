// What changed between two trees.
//
// Of a tree that began as a copy of the other, what is untouched is known from
// a scan made when it was fresh; only the rest is compared, metadata first,
// then content. Costs one statx(2) a file, and what changed; where it is known
// which files were touched, only what these cost.

#ifndef STRAKE_BUILDER_SNAPSHOT_TREE_DIFF_H_
#define STRAKE_BUILDER_SNAPSHOT_TREE_DIFF_H_

#include <string>
#include <vector>

#include "builder/snapshot/file_metadata.h"
#include "builder/snapshot/metadata_scan.h"
#include "oci/change.h"
#include "util/ownership_journal.h"
#include "util/result.h"

namespace strake::builder::snapshot {

struct LayeredTree;

struct TreeState {
  int root = -1;  // borrowed; not written to meanwhile
  const OwnershipJournal& journal;
  ContentBelow content = ContentBelow::kKnown;
  // Of an older tree that is in parts: these, and there is no `root`.
  const LayeredTree* layers = nullptr;
};

// The changes that lead from `older` to `newer`.
//   fresh  a scan of `newer` from when it had what `older` has
Result<std::vector<oci::Change>> DiffTrees(const TreeState& newer,
                                           const TreeState& older,
                                           const MetadataScan& fresh);

// The same where only `paths`, sorted by `PathLess`, can differ (see
// touched_paths.h). With one that came or went, the directory that it is in is
// among them, and with a directory that went, all that was in it.
// `kIo` also where one of them cannot be reached, as in a directory that its
// owner may not enter; the whole comparison can.
Result<std::vector<oci::Change>> DiffTrees(
    const TreeState& newer, const TreeState& older, const MetadataScan& fresh,
    const std::vector<std::string>& paths);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_TREE_DIFF_H_
