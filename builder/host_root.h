// A root file system made of this machine's programs, for containers without an
// image (`ContainerSpec::host_tools`).

#ifndef STRAKE_BUILDER_HOST_ROOT_H_
#define STRAKE_BUILDER_HOST_ROOT_H_

#include <set>
#include <string>
#include <vector>

#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder {

// Makes in `root` (an empty root directory that will be thrown away) what the
// machine's programs expect, and returns the mounts that bring them there,
// outer ones first, read-only: /usr, /bin, /sbin and /lib* (symlinks stay
// such), and of /etc what programs need, small files as copies. /root, /tmp and
// /run are empty.
//   targets  where the caller will mount something: folders of the machine that
//            lead there are made in `root`, and what is in them is mounted one
//            by one, so that the machine's own folders stay as they are
Result<std::vector<sandbox::Mount>> MakeHostRoot(
    int root, const std::vector<std::string>& targets);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_HOST_ROOT_H_
