// Mounting an overlay where nobody sees it.
//
// The mount is made in a mount namespace that lives for the moment of the call,
// and lifted out of it as a detached mount: a descriptor that is the file
// system, and which unmounts with its last holder. Nothing can be left behind,
// whatever becomes of the process.

#ifndef STRAKE_BUILDER_SNAPSHOT_OVERLAY_MOUNT_H_
#define STRAKE_BUILDER_SNAPSHOT_OVERLAY_MOUNT_H_

#include <string>
#include <vector>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::snapshot {

struct OverlayMountSpec {
  // A directory to make links and a mount point in, absolute; what was made is
  // gone when the call returns.
  std::string scratch;
  // Absolute paths, top first: at least one, and at least two without `upper`;
  // at most 500 (the kernel's rules).
  std::vector<std::string> lowers;
  // Absolute; both empty: a read-only mount. They must be on one file system.
  std::string upper;
  std::string work;
  // More mount options, separated by commas: "userxattr,volatile".
  std::string options;
};

// Mounts and returns the mount's root (O_PATH).
// Errors: `kIo` with the step and the kernel's reason.
Result<UniqueFd> MountOverlay(const OverlayMountSpec& spec);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_OVERLAY_MOUNT_H_
