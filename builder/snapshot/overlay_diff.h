// What an overlay's upper directory changes over the layers below it.
//
// The kernel has put into the upper directory all that was written, so the diff
// costs what changed and not what is there. But it has put more there than
// changed: a directory is copied up for what is in it, a file when it is opened
// for writing. What equals the file below in everything is left out, so that
// the result is the same as that of comparing the two trees.

#ifndef STRAKE_BUILDER_SNAPSHOT_OVERLAY_DIFF_H_
#define STRAKE_BUILDER_SNAPSHOT_OVERLAY_DIFF_H_

#include <vector>

#include "builder/snapshot/file_metadata.h"
#include "builder/snapshot/overlay_layers.h"
#include "oci/change.h"
#include "util/ownership_journal.h"
#include "util/result.h"

namespace strake::builder::snapshot {

//   upper           the upper directory, which nobody writes to
//   form            of the marks in it
//   below           the layers under it
//   journal         of the merged file system with `upper`; may be empty
//   journal_below   of that of `below`
//   content         whether `below` has it
// Opaque directories come out as deletions of what they hide, one by one:
// kOpaqueDirectory is never used.
Result<std::vector<oci::Change>> DiffOverlay(
    int upper, OverlayXattrs form, OverlayLayers& below,
    const OwnershipJournal& journal, const OwnershipJournal& journal_below,
    ContentBelow content);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_OVERLAY_DIFF_H_
