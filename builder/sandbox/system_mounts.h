// /dev and /sys of a sandbox, as Docker has them. (/proc shows the process that
// mounts it its own pid namespace, so `child.cc` mounts that one.)
//
// All functions mount below `root`, an attached mount in the mount namespace of
// the calling thread, and take from the host what the kernel lets nobody make
// in a user namespace: device nodes, and sysfs of a network that is not ours.

#ifndef STRAKE_BUILDER_SANDBOX_SYSTEM_MOUNTS_H_
#define STRAKE_BUILDER_SANDBOX_SYSTEM_MOUNTS_H_

#include <cstdint>

#include "builder/sandbox/mount_api.h"
#include "builder/sandbox/mount_stubs.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {

// A tmpfs with null, zero, full, random, urandom, tty, the links to /proc/self,
// a new devpts, shm and mqueue. Returns the device /dev/null in it (O_PATH).
Result<UniqueFd> MountDev(int root, MountStubs& stubs);

// Read-only and with masked paths, unless `insecure`.
Status MountSys(int root, MountStubs& stubs, bool insecure);

// A new empty tmpfs, detached.
//   size_bytes  0: the kernel's default, half of the memory
Result<UniqueFd> NewTmpfs(const char* mode, uint64_t size_bytes,
                          const MountFlags& flags);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_SYSTEM_MOUNTS_H_
