// Puts a sandbox's root file system together, in namespaces of its own, before
// any process is in them.

#ifndef STRAKE_BUILDER_SANDBOX_ROOT_ASSEMBLY_H_
#define STRAKE_BUILDER_SANDBOX_ROOT_ASSEMBLY_H_

#include "builder/sandbox/mount_stubs.h"
#include "builder/sandbox/sandbox.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {

// Namespaces that live as long as these descriptors, or a process in them.
struct AssembledRoot {
  UniqueFd mount_namespace;  // its root is the sandbox's
  UniqueFd ipc_namespace;
  UniqueFd uts_namespace;
  UniqueFd network_namespace;  // none: the host's
  // O_PATH descriptors in the mount namespace, for mounting /proc.
  UniqueFd proc_target;
  UniqueFd dev_null;
  // A copy of the host's /proc, attached at `proc_target`; none where the host
  // has none.
  UniqueFd host_proc;
  // Borrowed: a user namespace that the program enters last, where it is run
  // through an emulator (`emulators.h`); -1: none.
  int user_namespace = -1;
  // Without namespaces: the directory to chroot(2) into; nothing above is set.
  UniqueFd directory;
};

// Attaches the root and every mount of `spec` but /proc. Mount points that are
// missing are made through `stubs`, which the caller removes once the
// namespaces are gone. Blocks its caller; the work is done in a thread that
// ends before this returns (only a whole thread can change its namespaces).
// Errors: `kInvalidArgument`, `kUnsupported` (a mount that cannot be), else
// `kIo`.
Result<AssembledRoot> AssembleRoot(const ProcessSpec& spec, MountStubs& stubs);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_ROOT_ASSEMBLY_H_
