// Dresses a root file system for a process that only has chroot(2).

#ifndef STRAKE_BUILDER_SANDBOX_CHROOT_ROOT_H_
#define STRAKE_BUILDER_SANDBOX_CHROOT_ROOT_H_

#include "builder/sandbox/root_covers.h"
#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// Puts /dev, /proc, /sys, the files of /etc and everything that `spec` mounts
// into the root of `covers`, which undoes it. `kUnsupported`: a mount
// that cannot be copied.
Status DressRoot(const ProcessSpec& spec, RootCovers& covers);

// Copies the caches that the process may have written to back to where they
// came from. To be called before `covers` are restored, once no process is
// left.
Status SaveCaches(const ProcessSpec& spec, int root);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_CHROOT_ROOT_H_
