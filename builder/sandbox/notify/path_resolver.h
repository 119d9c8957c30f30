// Finds files the way a process inside the root sees them.
//
// Two ways lead there. The fast one asks the kernel to resolve the whole path
// below one mount's directory (openat2(2) with RESOLVE_IN_ROOT or
// RESOLVE_BENEATH). The slow one walks component by component: where a path
// crosses a mount point, where it enters /proc, and for viewers who may not
// search every directory. The fast way notices when it is not enough (EACCES,
// EXDEV: see mount_table.h). Faster yet, for what is only looked at, made or
// removed, is a `Shortcut`.
//
// Functions return 0 or a negative errno. Thread-safe.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_PATH_RESOLVER_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_PATH_RESOLVER_H_

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <climits>
#include <functional>
#include <string>
#include <string_view>

#include "builder/sandbox/notify/credentials.h"
#include "builder/sandbox/notify/directory_cache.h"
#include "builder/sandbox/notify/mount_table.h"
#include "builder/sandbox/notify/virtual_inodes.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

// Through whose eyes.
struct Viewer {
  pid_t thread = 0;  // its cwd, its descriptors, its /proc/self
  const Credentials* who = nullptr;
};

enum class Follow { kYes, kNo };  // of a symlink in the last component

// A file that is there.
struct Place {
  UniqueFd fd;  // O_PATH
  // Null: not in the tree at all (a pipe, a file in memory).
  const VirtualMount* mount = nullptr;
  std::string proc_path;  // below /proc; empty elsewhere

  bool in_tree() const {
    return mount != nullptr && mount->kind == VirtualMount::Kind::kTree;
  }
};

// Where a file is, or would be made.
struct ParentPlace {
  DirectoryRef directory;  // O_PATH
  const VirtualMount* mount = nullptr;
  // The last component, with a "/" where the path had one; ".", ".." or "/"
  // where the path ends so.
  std::string name;

  // Whether `name` is ".", ".." or "/", not a name in the directory.
  bool IsSpecial() const;
  bool in_tree() const {
    return mount != nullptr && mount->kind == VirtualMount::Kind::kTree;
  }
};

// A name that the kernel can look up as it stands: nothing on the way to it is
// a link or a mount point any more. The name itself may be a symlink.
struct Shortcut {
  int directory = AT_FDCWD;    // for an *at(2) call
  const char* name = nullptr;  // lives as long as the path and this
  DirectoryRef parent;         // holds `directory`; not used if `by_descriptor`
  // By way of the caller's own descriptor: what is found may lie in any mount
  // (`PathResolver::IsRoots` tells).
  bool by_descriptor = false;

  Shortcut() = default;
  Shortcut(const Shortcut&) = delete;
  Shortcut& operator=(const Shortcut&) = delete;

 private:
  friend class PathResolver;
  char text_[48 + NAME_MAX + 2] = {};
};

class PathResolver {
 public:
  // What a process executes, as a path inside the root; empty: unknown.
  using ProgramOf = std::function<std::string(pid_t)>;

  // Both are borrowed.
  PathResolver(const MountTable& mounts, VirtualInodes& inodes,
               ProgramOf program_of);

  // `directory` and `path` are those of an *at(2) call; `path` is not empty.
  int Find(const Viewer& viewer, int directory, const std::string& path,
           Follow follow, Place& place) const;
  int FindParent(const Viewer& viewer, int directory, const std::string& path,
                 ParentPlace& place) const;
  // Where open(2) with O_CREAT would make a file: symlinks in the last
  // component are followed; `existing.fd` is set if there is one already.
  int FindForCreation(const Viewer& viewer, int directory,
                      const std::string& path, Follow follow,
                      ParentPlace& place, Place& existing) const;
  // What a descriptor of the viewer (or AT_FDCWD) stands for.
  int FindDescriptor(const Viewer& viewer, int descriptor, Place& place) const;

  // Opens an existing file in one step, for a viewer who may do anything; 1:
  // this is not possible, `Find` it.
  //   flags  no O_CREAT; O_PATH is fine
  int OpenFast(const Viewer& viewer, int directory, const std::string& path,
               uint64_t flags, Place& place) const;

  // The shortcut to `path`, for a viewer who may do anything; 1: there is none,
  // `Find` it.
  //   descriptor  whether `by_descriptor` will do
  enum class ByDescriptor { kYes, kNo };
  int Shorten(const Viewer& viewer, int directory, const std::string& path,
              ByDescriptor descriptor, Shortcut& shortcut) const;
  // Whether a file that was found by descriptor surely lies in the root's own
  // tree or in what is seen as it is on disk, like it.
  bool IsRoots(dev_t device) const {
    return device == mounts_.root().top.device;
  }
  DirectoryCache& directories() const { return directories_; }

  // What readlink(2) says of the link `place`, which is in /proc.
  int ReadProcLink(const Viewer& viewer, const Place& place,
                   std::string& target) const;

  // The path that the host's `path` (of a magic link) has inside; as it is
  // where it is not to be seen.
  std::string Inside(const std::string& path) const;

  const MountTable& mounts() const { return mounts_; }
  VirtualInodes& inodes() const { return inodes_; }
  const ProgramOf& program_of() const { return program_of_; }

 private:
  // 0, 1 or a negative errno, as `Shorten`.
  //   path  absolute
  int KnowDirectory(const Viewer& viewer, std::string_view path,
                    DirectoryCache::Handle& known) const;

  const MountTable& mounts_;
  VirtualInodes& inodes_;
  ProgramOf program_of_;
  mutable DirectoryCache directories_;
};

// Whether a component of `path` is "..".
bool HasDotDot(std::string_view path);

// The process that `thread` belongs to.
pid_t ProcessOfThread(pid_t thread);

// The numbers that `thread` has in its own pid namespace.
struct OwnNumbers {
  pid_t process = 0;
  pid_t thread = 0;
};
OwnNumbers NumbersInside(pid_t thread);

// What "self" or "thread-self" in `proc`, a mount of kind kProc, stands for.
std::string SelfInProc(const VirtualMount& proc, pid_t thread);
std::string ThreadSelfInProc(const VirtualMount& proc, pid_t thread);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_PATH_RESOLVER_H_
