// Dresses a root file system for a process that only has chroot(2).

#ifndef STRAKE_BUILDER_SANDBOX_CHROOT_ROOT_H_
#define STRAKE_BUILDER_SANDBOX_CHROOT_ROOT_H_

#include <cstddef>
#include <vector>

#include "builder/sandbox/root_covers.h"
#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// A cache that a process may write to.
struct DressedCache {
  const Mount* mount = nullptr;  // of the `ProcessSpec`
  size_t mark = 0;               // of the covers, once it was in place
};

// Puts /dev, /proc, /sys, the files of /etc and everything that `spec` mounts
// into the root of `covers`, which undoes it; returns the
// caches among the mounts, in their order. `kUnsupported`: a mount that cannot
// be copied.
Result<std::vector<DressedCache>> DressRoot(const ProcessSpec& spec,
                                            RootCovers& covers);

// Copies the caches back to where they came from, once no process is left. What
// was put in place after a cache, maybe inside it, is undone before: neither a
// secret nor another cache becomes part of it.
Status SaveCaches(const std::vector<DressedCache>& caches, RootCovers& covers,
                  int root);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_CHROOT_ROOT_H_
