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
  // All files are this process's own, and opened up for it; every owner but
  // root's is recorded. Who writes to a snapshot keeps its journal true: what
  // the disk says later is not taken for a step's doing.
  kVirtual,
};

struct SnapshotterChoice {
  std::unique_ptr<Snapshotter> snapshotter;
  std::string reason;  // "overlay works here", "overlay: mount: EPERM; plain"
};

// Opens the snapshot store in `directory` (made if missing).
//   wanted  "auto", "overlay" or "plain"; anything else is `kInvalidArgument`,
//           and one that does not work here `kUnsupported` with the reason
// Snapshots of different kinds live side by side and never mix; neither do
// those whose files are this process's own with others.
Result<SnapshotterChoice> OpenSnapshotter(const std::string& directory,
                                          std::string_view wanted,
                                          OwnershipForm ownership);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_PROBE_SNAPSHOTTER_H_
