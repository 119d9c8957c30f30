// What changed, made ready to be a layer.
//
// A layer that holds "a/b/file" without "a" and "a/b" says nothing of these
// two, and is right: they are as they were. But Docker's and podman's stores
// unpack each layer into a directory of its own, where they make up what is
// missing (root's, mode 0755 or 0600), and then lay it over the rest: with it,
// the owners and modes of the layers below are gone. So, as BuildKit's, our
// layers hold every directory that leads to a change.

#ifndef STRAKE_BUILDER_SNAPSHOT_LAYER_CHANGES_H_
#define STRAKE_BUILDER_SNAPSHOT_LAYER_CHANGES_H_

#include <vector>

#include "builder/snapshot/snapshotter.h"
#include "oci/change.h"
#include "util/ownership_journal.h"
#include "util/result.h"

namespace strake::builder::snapshot {

// The directories that lead to the changes of `diff`, and are none themselves.
//   journal  of the snapshot that the diff is of
Result<std::vector<oci::Change>> LeadingDirectories(
    const OwnershipJournal& journal, const SnapshotDiff& diff);

// Adds them in their place.
Status AddLeadingDirectories(const OwnershipJournal& journal,
                             SnapshotDiff& diff);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_LAYER_CHANGES_H_
