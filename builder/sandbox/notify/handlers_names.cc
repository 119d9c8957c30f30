// Calls that make, remove and rename files.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "builder/sandbox/notify/handlers.h"
#include "builder/sandbox/notify/host_path.h"
#include "builder/sandbox/notify/new_file.h"

namespace strake::builder::sandbox::notify {
namespace {

using Expect = Request::Expect;

constexpr unsigned kNoReplace = 1U << 0;  // RENAME_NOREPLACE
constexpr unsigned kExchange = 1U << 1;   // RENAME_EXCHANGE
constexpr unsigned kWhiteout = 1U << 2;   // RENAME_WHITEOUT

// Whether the kernel lets users make hard links to files that are not theirs.
bool HardLinksAreProtected() {
  static const bool is_protected = [] {
    char text = '0';
    const int fd =
        open("/proc/sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC);
    const bool got = fd >= 0 && read(fd, &text, 1) == 1;
    if (fd >= 0) close(fd);
    return got && text == '1';
  }();
  return is_protected;
}

bool StatName(const ParentPlace& place, struct stat& file) {
  return StatChild(place, file) == 0;
}

// Something appears there; it can neither be removed nor renamed.
bool IsMountPoint(Request& request, const ParentPlace& place) {
  std::string_view name = place.name;
  while (name.ends_with('/')) name.remove_suffix(1);
  const MountTable& mounts = request.emulation().mounts;
  struct stat file {};
  return mounts.IsMountName(name) && StatName(place, file) &&
         mounts.Covering(KeyOf(file)) != nullptr;
}

// Whether the sticky bit of the directory keeps the caller from removing or
// renaming the file; a missing file is for the kernel to complain of.
bool IsSticky(Request& request, const ParentPlace& place) {
  if (!place.in_tree() || request.credentials().Has(Capability::kFowner)) {
    return false;
  }
  struct stat directory {};
  struct stat file {};
  if (request.Stat(place.directory.get(), directory) != 0 ||
      !StatName(place, file)) {
    return false;
  }
  request.emulation().inodes.Apply(file);
  return !MayRemove(request.credentials(), directory, file);
}

// No path leads through this name any more, or another way.
void Forget(Request& request, const ParentPlace& place) {
  std::string_view name = place.name;
  while (name.ends_with('/')) name.remove_suffix(1);
  request.emulation().paths.directories().Forget(name);
}

// Records the file that was made at `place`.
void Made(Request& request, const ParentPlace& place, mode_t mode,
          uint64_t rdev = 0) {
  struct stat file {};
  if (!StatName(place, file)) return;
  if (place.in_tree()) {
    RecordNewFile(request, place.directory.get(), file, mode, rdev);
    request.emulation().TouchFile(place.directory, place.name, KeyOf(file));
  }
}

// Where the kernel makes files: what is known of a file that loses its last
// name is not for the next one with its number.
class LastName {
 public:
  // Before `place` is removed or replaced.
  LastName(Request& request, const ParentPlace& place)
      : inodes_(request.emulation().inodes) {
    struct stat file {};
    if (!request.emulation().has_native_paths() || !StatName(place, file) ||
        inodes_.IsPlain(file)) {
      return;
    }
    std::string name = place.name;
    while (name.size() > 1 && name.ends_with('/')) name.pop_back();
    // As long as it is open, no other file has its number.
    file_.reset(openat(place.directory.get(), name.c_str(),
                       O_PATH | O_NOFOLLOW | O_CLOEXEC));
  }

  // Afterwards.
  void Removed() {
    struct stat file {};
    if (file_ && fstat(file_.get(), &file) == 0 && file.st_nlink == 0) {
      inodes_.Unlinked(KeyOf(file));
    }
  }

 private:
  VirtualInodes& inodes_;
  UniqueFd file_;
};

// With native paths: whether the kernel makes the file `place` as it is meant
// to be.
bool IsMadeByKernel(Request& request, int directory, int path, mode_t mode) {
  std::string text;
  return request.ReadPath(path, text) == 0 &&
         request.MayMakeItself(directory, text, mode);
}

Answer MakeDirectory(Request& request, int directory, int path,
                     uint64_t asked) {
  if (IsMadeByKernel(request, directory, path,
                     S_IFDIR | (static_cast<mode_t>(asked) & 01777))) {
    return Answer::Continue();
  }
  ParentPlace place;
  if (int failed = request.FindParentToChange(
          directory, path, Expect::kAbsentDirectory, place)) {
    return failed;
  }
  const mode_t mode =
      S_IFDIR | (static_cast<mode_t>(asked) & 01777 & ~request.umask());
  const std::lock_guard lock(request.emulation().changes);
  if (mkdirat(place.directory.get(), place.name.c_str(), DiskMode(mode)) != 0) {
    return -errno;
  }
  Made(request, place, mode);
  return 0;
}

Answer HandleMkdirat(Request& request) {
  return MakeDirectory(request, request.Int(0), 1, request.argument(2));
}

Answer MakeNode(Request& request, int directory, int path, uint64_t asked,
                uint64_t rdev) {
  auto mode = static_cast<mode_t>(asked);
  if ((mode & S_IFMT) == 0) mode |= S_IFREG;
  const bool device = S_ISCHR(mode) || S_ISBLK(mode);
  if (S_ISDIR(mode)) return -EPERM;
  if (!device && !S_ISREG(mode) && !S_ISFIFO(mode) && !S_ISSOCK(mode)) {
    return -EINVAL;
  }
  ParentPlace place;
  if (int failed =
          request.FindParentToChange(directory, path, Expect::kAbsent, place)) {
    return failed;
  }
  if (device && !request.credentials().Has(Capability::kMknod)) {
    struct stat file {};
    if (StatName(place, file)) return -EEXIST;
    return place.name.ends_with('/') ? -ENOENT : -EPERM;
  }
  if (S_ISFIFO(mode)) request.emulation().has_fifos = true;
  mode = (mode & S_IFMT) | (mode & 07777 & ~request.umask());
  const mode_t disk = (device ? S_IFREG : mode & S_IFMT) | DiskMode(mode);
  const std::lock_guard lock(request.emulation().changes);
  if (mknodat(place.directory.get(), place.name.c_str(), disk, 0) != 0) {
    return -errno;
  }
  Made(request, place, mode, device ? rdev : 0);
  return 0;
}

Answer HandleMknodat(Request& request) {
  return MakeNode(request, request.Int(0), 1, request.argument(2),
                  request.Uint(3));
}

Answer MakeSymlink(Request& request, int target, int directory, int path) {
  if (IsMadeByKernel(request, directory, path, S_IFLNK | 0777)) {
    return Answer::Continue();
  }
  std::string text;
  if (int failed = request.ReadPath(target, text)) return failed;
  if (text.empty()) return -ENOENT;
  ParentPlace place;
  if (int failed =
          request.FindParentToChange(directory, path, Expect::kAbsent, place)) {
    return failed;
  }
  const std::lock_guard lock(request.emulation().changes);
  if (symlinkat(text.c_str(), place.directory.get(), place.name.c_str()) != 0) {
    return -errno;
  }
  Made(request, place, S_IFLNK | 0777);
  return 0;
}

Answer HandleSymlinkat(Request& request) {
  return MakeSymlink(request, 0, request.Int(1), 2);
}

Answer Remove(Request& request, int directory, int path, int flags) {
  if ((flags & ~AT_REMOVEDIR) != 0) return -EINVAL;
  ParentPlace place;
  if (int failed = request.FindParent(directory, path, place)) return failed;
  // The kernel refuses these before all else.
  if (place.IsSpecial()) {
    unlinkat(place.directory.get(), place.name.c_str(), flags);
    return -errno;
  }
  if (int failed = request.MayChange(place, Expect::kPresent)) return failed;
  if (IsSticky(request, place)) return -EPERM;
  if (IsMountPoint(request, place)) return -EBUSY;
  request.emulation().Touch(place.directory, place.name);
  LastName last(request, place);
  if (unlinkat(place.directory.get(), place.name.c_str(), flags) != 0) {
    return -errno;
  }
  last.Removed();
  Forget(request, place);
  return 0;
}

Answer HandleUnlinkat(Request& request) {
  return Remove(request, request.Int(0), 1, request.Int(2));
}

// A user who moves a directory to another one changes its "..".
bool MayMove(Request& request, const ParentPlace& from, const ParentPlace& to) {
  const Credentials& who = request.credentials();
  if (who.Has(Capability::kDacOverride)) return true;
  struct stat moved {};
  struct stat from_directory {};
  struct stat to_directory {};
  if (!StatName(from, moved) || !S_ISDIR(moved.st_mode) ||
      fstat(from.directory.get(), &from_directory) != 0 ||
      fstat(to.directory.get(), &to_directory) != 0 ||
      KeyOf(from_directory) == KeyOf(to_directory)) {
    return true;
  }
  request.emulation().inodes.Apply(moved);
  return MayAccess(who, moved, 2);
}

int MayRename(Request& request, const ParentPlace& from, const ParentPlace& to,
              unsigned flags) {
  if (int failed = request.MayChange(from, Expect::kPresent)) return failed;
  if (IsSticky(request, from)) return -EPERM;
  struct stat replaced {};
  const bool replaces = StatName(to, replaced);
  if (int failed = request.MayChange(
          to, replaces ? Expect::kPresent : Expect::kAbsentDirectory)) {
    return failed;
  }
  if (replaces && IsSticky(request, to)) return -EPERM;
  if (!MayMove(request, from, to)) return -EACCES;
  if ((flags & kExchange) != 0 && !MayMove(request, to, from)) return -EACCES;
  return 0;
}

std::string HostNameOf(const ParentPlace& place) {
  std::string_view name = place.name;
  while (name.ends_with('/')) name.remove_suffix(1);
  return HostPath::OwnDescriptor(place.directory.get()).ReadLink() + "/" +
         std::string(name);
}

// What the kernel (fs/namei.c, do_renameat2) finds out before it asks who the
// caller is; nothing if it would ask.
std::optional<int> RenameFailsAnyway(const ParentPlace& from,
                                     const ParentPlace& to, unsigned flags) {
  struct stat source {};
  struct stat target {};
  if (int failed = StatChild(from, source)) return failed;
  const bool replaces = StatName(to, target);
  if ((flags & kNoReplace) != 0 && replaces) return -EEXIST;
  if ((flags & kExchange) != 0 && !replaces) return -ENOENT;
  if (!S_ISDIR(source.st_mode) &&
      (from.name.ends_with('/') || to.name.ends_with('/'))) {
    return -ENOTDIR;
  }
  const std::string source_path = HostNameOf(from);
  const std::string target_path = HostNameOf(to);
  if (target_path.starts_with(source_path + "/")) return -EINVAL;
  if (source_path.starts_with(target_path + "/")) return -ENOTEMPTY;
  if (replaces && KeyOf(source) == KeyOf(target)) return 0;
  return std::nullopt;
}

Answer Rename(Request& request, int old_directory, int old_path,
              int new_directory, int new_path, unsigned flags) {
  if ((flags & kWhiteout) != 0) return -EINVAL;
  ParentPlace from;
  ParentPlace to;
  if (int failed = request.FindParent(old_directory, old_path, from)) {
    return failed;
  }
  if (int failed = request.FindParent(new_directory, new_path, to)) {
    return failed;
  }
  if (from.mount != to.mount) return -EXDEV;
  const auto rename = [&]() -> Answer {
    LastName replaced(request, to);
    if (syscall(SYS_renameat2, from.directory.get(), from.name.c_str(),
                to.directory.get(), to.name.c_str(), flags) != 0) {
      return -errno;
    }
    replaced.Removed();
    Forget(request, from);
    Forget(request, to);
    request.emulation().TouchRenamed(from, to);
    return 0;
  };
  if (from.IsSpecial() || to.IsSpecial()) return rename();
  if (int denied = MayRename(request, from, to, flags)) {
    return RenameFailsAnyway(from, to, flags).value_or(denied);
  }
  if (IsMountPoint(request, from) || IsMountPoint(request, to)) return -EBUSY;
  request.emulation().Touch(from.directory, from.name);
  request.emulation().Touch(to.directory, to.name);
  return rename();
}

Answer HandleRenameat(Request& request) {
  return Rename(request, request.Int(0), 1, request.Int(2), 3, 0);
}
Answer HandleRenameat2(Request& request) {
  return Rename(request, request.Int(0), 1, request.Int(2), 3, request.Uint(4));
}

// fs/namei.c, may_linkat.
bool MayLink(Request& request, const struct stat& file) {
  const Credentials& who = request.credentials();
  if (!HardLinksAreProtected() || IsOwner(who, file)) return true;
  constexpr mode_t kSetGroup = S_ISGID | S_IXGRP;
  return S_ISREG(file.st_mode) && (file.st_mode & S_ISUID) == 0 &&
         (file.st_mode & kSetGroup) != kSetGroup && MayAccess(who, file, 6);
}

Answer Link(Request& request, int old_directory, int old_path,
            int new_directory, int new_path, int flags) {
  if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0) return -EINVAL;
  Place file;
  int find = flags & AT_EMPTY_PATH;
  if ((flags & AT_SYMLINK_FOLLOW) == 0) find |= AT_SYMLINK_NOFOLLOW;
  if (int failed = request.Find(old_directory, old_path, find, file)) {
    return failed;
  }
  ParentPlace place;
  if (int failed = request.FindParent(new_directory, new_path, place)) {
    return failed;
  }
  struct stat existing {};
  if (StatName(place, existing)) return -EEXIST;
  if (place.name.ends_with('/')) return -ENOENT;
  if (file.mount != place.mount && file.mount != nullptr) return -EXDEV;
  struct stat on_disk {};
  if (fstat(file.fd.get(), &on_disk) != 0) return -errno;
  struct stat meant = on_disk;
  request.emulation().inodes.Apply(meant);
  if (place.in_tree() && !MayLink(request, meant)) return -EPERM;
  if (int failed = request.MayChange(place, Expect::kAbsent)) return failed;
  request.emulation().Touch(place.directory, place.name);
  // By the new name it can be changed, and have lost that name again.
  if (place.in_tree())
    request.emulation().TouchFile(file.fd.get(), KeyOf(on_disk));
  return request.emulation().inodes.Link(on_disk, [&] {
    return linkat(AT_FDCWD, HostPath::OwnDescriptor(file.fd.get()).c_str(),
                  place.directory.get(), place.name.c_str(),
                  AT_SYMLINK_FOLLOW) == 0
               ? 0
               : -errno;
  });
}

Answer HandleLinkat(Request& request) {
  return Link(request, request.Int(0), 1, request.Int(2), 3, request.Int(4));
}

#ifdef SYS_mkdir
Answer HandleMkdir(Request& request) {
  return MakeDirectory(request, AT_FDCWD, 0, request.argument(1));
}
Answer HandleMknod(Request& request) {
  return MakeNode(request, AT_FDCWD, 0, request.argument(1), request.Uint(2));
}
Answer HandleSymlink(Request& request) {
  return MakeSymlink(request, 0, AT_FDCWD, 1);
}
Answer HandleUnlink(Request& request) {
  return Remove(request, AT_FDCWD, 0, 0);
}
Answer HandleRmdir(Request& request) {
  return Remove(request, AT_FDCWD, 0, AT_REMOVEDIR);
}
Answer HandleRename(Request& request) {
  return Rename(request, AT_FDCWD, 0, AT_FDCWD, 1, 0);
}
Answer HandleLink(Request& request) {
  return Link(request, AT_FDCWD, 0, AT_FDCWD, 1, 0);
}
#endif

constexpr HandledCall kCalls[] = {
#ifdef SYS_mkdir
    {SYS_mkdir, HandleMkdir},         {SYS_mknod, HandleMknod},
    {SYS_symlink, HandleSymlink},     {SYS_unlink, HandleUnlink},
    {SYS_rmdir, HandleRmdir},         {SYS_rename, HandleRename},
    {SYS_link, HandleLink},
#endif
    {SYS_mkdirat, HandleMkdirat},     {SYS_mknodat, HandleMknodat},
    {SYS_symlinkat, HandleSymlinkat}, {SYS_unlinkat, HandleUnlinkat},
    {SYS_renameat, HandleRenameat},   {SYS_renameat2, HandleRenameat2},
    {SYS_linkat, HandleLinkat},
};

}  // namespace

std::span<const HandledCall> NameCalls() { return kCalls; }

}  // namespace strake::builder::sandbox::notify
