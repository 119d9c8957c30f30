// What this process knows of the trees of snapshots that it has committed, so
// that whoever takes one over need not scan it again. Thread-safe.

#ifndef STRAKE_BUILDER_SNAPSHOT_KNOWN_TREES_H_
#define STRAKE_BUILDER_SNAPSHOT_KNOWN_TREES_H_

#include <map>
#include <optional>
#include <utility>

#include "builder/snapshot/metadata_scan.h"
#include "builder/snapshot/snapshotter.h"
#include "util/guarded.h"
#include "util/unique_fd.h"

namespace strake::builder::snapshot {

struct KnownTree {
  UniqueFd root;  // keeps its inode from being another's; not locked
  MetadataScan scan;
};

class KnownTrees {
 public:
  void Put(const SnapshotId& id, KnownTree tree);
  // The scan of the tree whose root is open as `root`, if that was put under
  // `id`; it is forgotten.
  std::optional<MetadataScan> Take(const SnapshotId& id, int root);

 private:
  Guarded<std::map<SnapshotId, KnownTree>> trees_;
};

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_KNOWN_TREES_H_
