// Carries the changes of one tree over to another: as a layer that is written
// at one end of a pipe and unpacked at the other, so that a copy and a pull of
// the same changes cannot differ.

#ifndef STRAKE_BUILDER_SNAPSHOT_APPLY_CHANGES_H_
#define STRAKE_BUILDER_SNAPSHOT_APPLY_CHANGES_H_

#include "builder/snapshot/snapshotter.h"
#include "oci/layer_applier.h"
#include "util/result.h"

namespace strake::builder::snapshot {

// Applies `diff` to the directory `root` (borrowed), as `oci::ApplyLayer` does
// with a layer of these changes. Uses a thread of its own while it runs.
Status ApplyChanges(const SnapshotDiff& diff, int root,
                    const oci::LayerApplyOptions& options);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_APPLY_CHANGES_H_
