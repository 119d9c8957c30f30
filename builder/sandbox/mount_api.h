// The kernel's mount calls that work on descriptors (fsopen(2), open_tree(2),
// move_mount(2); Linux 5.2), as `Result`s.
//
// A mount made here is detached: nobody sees it, and it goes away with its
// descriptor, until it is attached. Descriptors of places opened before stay
// good, whatever is mounted where: no path is ever resolved twice.
//
// Safe to call from any thread that may mount in its mount namespace.

#ifndef STRAKE_BUILDER_SANDBOX_MOUNT_API_H_
#define STRAKE_BUILDER_SANDBOX_MOUNT_API_H_

#include <string>
#include <vector>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {

struct MountFlags {
  bool read_only = false;
  bool nosuid = false;
  bool nodev = false;
  bool noexec = false;
};

struct MountOption {
  const char* key = nullptr;
  std::string value;  // empty: a flag
};

// A new file system of `type`, detached. `refused` receives the errno (0 on
// success), for callers that have something else to try.
Result<UniqueFd> NewMount(const char* type,
                          const std::vector<MountOption>& options,
                          const MountFlags& flags, int* refused = nullptr);

// A detached copy of what is at `path` (relative to `directory`; "":
// `directory` itself, which may be a file opened with O_PATH), with all mounts
// below it. The place must be attached in the caller's mount namespace.
Result<UniqueFd> CloneTree(int directory, const std::string& path);

// Attaches `mount` (detached, or to be moved) on top of `target`, an O_PATH
// descriptor. Errors name `what`.
Status AttachMount(int mount, int target, const std::string& what);
// Attaches `mount` over the root of the mount namespace, where nobody whose
// root directory was opened before sees it.
Status AttachOverRoot(int mount);

// Makes `mount` and all mounts below it read-only. Before Linux 5.12, only
// `mount` itself, and only once it is attached.
enum class ReadOnlyDone { kYes, kAfterAttaching };
Result<ReadOnlyDone> MakeReadOnly(int mount);
Status MakeAttachedReadOnly(int mount);

// Cuts the (attached) `mount` and all below it off from their peers: nothing
// that is mounted in it appears elsewhere.
Status MakePrivate(int mount);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_MOUNT_API_H_
