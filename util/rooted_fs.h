// File operations that cannot leave a directory.
//
// A layer, a build context and a root file system are all hostile: they may
// hold symlinks, "..", and absolute names that point anywhere. Every function
// here takes a directory descriptor and a path, and resolves the path as if
// that directory were "/": absolute symlinks start at it, ".." stops at it.
// Resolution is openat2(2) with RESOLVE_IN_ROOT where the kernel has it, else
// a walk component by component with O_NOFOLLOW (tests run both).
//
// Paths may begin with "/" or not; "" and "/" are the root itself. Functions
// that create or remove act on the last component itself and never through
// it; all earlier components follow symlinks inside the root. Errors are
// `kNotFound` (ENOENT) or `kIo` with the path and the errno text. `root` is
// borrowed. Safe to call from any thread.

#ifndef STRAKE_UTIL_ROOTED_FS_H_
#define STRAKE_UTIL_ROOTED_FS_H_

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake {

// The directory that holds the last component of a path, and that component.
struct ParentAndName {
  UniqueFd parent;   // O_PATH | O_DIRECTORY
  std::string name;  // "." where the path is the root itself
};

// open(2) beneath `root`; symlinks are followed unless `flags` has O_NOFOLLOW
// (which concerns the last component only).
Result<UniqueFd> OpenInRoot(int root, std::string_view path, int flags,
                            unsigned mode = 0);

// Resolves all but the last component, which need not exist. A path that ends
// in ".." or "." is resolved wholly and its name is ".".
Result<ParentAndName> OpenParentInRoot(int root, std::string_view path);

// stat(2) / lstat(2); nothing where a component does not exist (ENOENT) or is
// not a directory (ENOTDIR).
enum class FollowLast { kYes, kNo };
Result<std::optional<struct stat>> StatInRoot(int root, std::string_view path,
                                              FollowLast follow);

// readlink(2) of the last component.
Result<std::string> ReadLinkInRoot(int root, std::string_view path);
// readlinkat(2) of `name` in `dir`, of any length.
Result<std::string> ReadLinkAt(int dir, const char* name);

// The path that `path` denotes once every symlink is resolved inside the root:
// without leading "/", without "." and "..", "" for the root. Components that
// do not exist are kept as they are; a dangling symlink resolves to its
// target's path.
Result<std::string> ResolveInRoot(int root, std::string_view path);

// mkdir -p. Returns the root-relative (resolved) path of each directory made,
// parents first; each gets mode `mode` exactly (umask does not apply). An
// existing directory, or a symlink to one, is fine; any other file in the way
// is `kIo` with ENOTDIR's text.
struct MakeDirsOptions {
  unsigned mode = 0755;
  // Ownership of what is created; -1 leaves the caller's.
  int64_t uid = -1;
  int64_t gid = -1;
};
Result<std::vector<std::string>> MakeDirsInRoot(int root, std::string_view path,
                                                const MakeDirsOptions& options);

// Removes whatever `path` is, a whole tree if need be, without following the
// last component. Directories that lack owner permissions are opened up first
// (an overlay's work folder has mode 000). A missing path is fine. Mount
// points inside are an error, never entered.
Status RemoveAllInRoot(int root, std::string_view path);
// The same for `name` directly in `dir`.
Status RemoveAllAt(int dir, const char* name);
// The same for a path of the host, whose directories are trusted.
Status RemoveAllAtPath(const std::string& path);

// Tests only: makes every later call in this process use the walk instead of
// openat2(2).
void ForceRootedFsFallback(bool on);

}  // namespace strake

#endif  // STRAKE_UTIL_ROOTED_FS_H_
