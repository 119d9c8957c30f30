// The mounts of processes that have a mount namespace of their own.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_KERNEL_MOUNTS_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_KERNEL_MOUNTS_H_

#include <sys/types.h>

#include <vector>

#include "builder/sandbox/notify/mount_table.h"
#include "util/result.h"

namespace strake::builder::sandbox::notify {

// Those that `process` sees, as it sees them, the root first, for a
// `MountTable` with KnownTo::kKernel. Its /proc stands for all that is mounted
// below it.
Result<std::vector<VirtualMount>> KernelMounts(pid_t process);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_KERNEL_MOUNTS_H_
