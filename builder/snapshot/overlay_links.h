// An overlay mount for kernels that take no descriptors as layers
// (before 6.13).
//
// mount(2) wants all lower directories in one option string of at most a page,
// in which commas, colons and backslashes have a meaning. So all directories
// are reached through links "0", "1", ... in a scratch directory that is the
// thread's current one while it mounts: 500 of them, the most that the kernel
// stacks, fit.

#ifndef STRAKE_BUILDER_SNAPSHOT_OVERLAY_LINKS_H_
#define STRAKE_BUILDER_SNAPSHOT_OVERLAY_LINKS_H_

#include "builder/snapshot/overlay_mount.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::snapshot {

// Like `MountOverlay`, on a thread that has a mount namespace and a current
// directory of its own; leaves that directory changed.
Result<UniqueFd> MountThroughLinks(const OverlayMountSpec& spec);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_OVERLAY_LINKS_H_
