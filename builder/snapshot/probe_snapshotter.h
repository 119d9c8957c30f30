// Picks the best snapshotter that works for a directory, by trying.

#ifndef STRAKE_BUILDER_SNAPSHOT_PROBE_SNAPSHOTTER_H_
#define STRAKE_BUILDER_SNAPSHOT_PROBE_SNAPSHOTTER_H_

#include <memory>
#include <string>

#include "builder/snapshot/snapshotter.h"
#include "util/result.h"

namespace strake::builder::snapshot {

enum class OwnershipForm {
  kReal,     // files get the owners they should have
  kJournal,  // what the kernel refuses is recorded in a journal
};

struct SnapshotterChoice {
  std::unique_ptr<Snapshotter> snapshotter;
  std::string reason;  // "overlay works here", "overlay: mount: EPERM; plain"
};

// Opens the snapshot store in `directory` (made if missing).
//   wanted  "auto", "overlay" or "plain"; anything else is `kInvalidArgument`,
//           and one that does not work here `kUnsupported` with the reason
// Snapshots of different kinds live side by side and never mix.
Result<SnapshotterChoice> OpenSnapshotter(const std::string& directory,
                                          std::string_view wanted,
                                          OwnershipForm ownership);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_PROBE_SNAPSHOTTER_H_
