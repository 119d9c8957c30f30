// What one snapshot changed over its parent, kept beside or instead of its
// tree: paths and metadata in a list, and the content of files in a directory.
//
// Where every snapshot is a whole tree, the next one can take that over and
// change it, instead of copying it: of the one below, the delta stays, from
// which its layer is written, and its tree can be made again.

#ifndef STRAKE_BUILDER_SNAPSHOT_SNAPSHOT_DELTA_H_
#define STRAKE_BUILDER_SNAPSHOT_SNAPSHOT_DELTA_H_

#include <string>
#include <string_view>
#include <vector>

#include "builder/snapshot/snapshotter.h"
#include "oci/change.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::snapshot {

struct SnapshotDelta {
  std::vector<oci::Change> changes;  // in the order of `PathLess`
  // Directories that lead to changes and are none themselves.
  std::vector<oci::Change> leading;
  // Regular files that were changed, by their paths; other files are in the
  // list alone. Its own attributes are those of the snapshot's root directory.
  UniqueFd files;

  // What is there now under `path`, where that was changed; else null.
  const oci::Change* FindPresent(std::string_view path) const;
};

// Makes `delta` and `changes` in `directory`, which is not committed yet.
//   diff  with its leading directories; its root is the snapshot's tree
Status SaveDelta(const SnapshotDiff& diff, int directory);

// Removes what there is of one.
Status RemoveDelta(int directory);

// That of a snapshot; `files` is left empty. `kNotFound` where there is none.
Result<SnapshotDelta> LoadDelta(int directory);

// The text of `changes` (specified in the .cc).
std::string SerializeChanges(const std::vector<oci::Change>& changes,
                             const std::vector<oci::Change>& leading);
// `kCorrupt` for anything else.
Result<SnapshotDelta> ParseChanges(std::string_view bytes);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_SNAPSHOT_DELTA_H_
