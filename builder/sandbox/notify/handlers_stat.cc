// Calls that ask about files.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <optional>
#include <string>

#include "builder/sandbox/notify/handlers.h"
#include "builder/sandbox/notify/host_path.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr int kFaccessat2 = 439;
constexpr int kStatFlags =
    AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;

// The file that the caller's descriptor stands for, as on disk.
int StatDescriptor(Request& request, int fd, struct stat& file) {
  if (stat(HostPath::Descriptor(request.thread(), fd).c_str(), &file) == 0) {
    return 0;
  }
  return errno == ENOENT && fd != AT_FDCWD ? -EBADF : -errno;
}

// A file in memory, which has no name on the host, has one where it is mounted.
bool IsNamedByMount(Request& request, const struct stat& file) {
  return file.st_nlink == 0 && request.emulation().mounts.IsTop(KeyOf(file));
}

Answer GiveStat(Request& request, struct stat file, int buffer) {
  request.emulation().inodes.Apply(file);
  if (IsNamedByMount(request, file)) file.st_nlink = 1;
  return request.Write(request.argument(buffer), &file, sizeof(file));
}

struct Looked {
  dev_t device = 0;
  mode_t mode = 0;
};

int StatName(int directory, const char* name, struct stat& file,
             Looked& looked) {
  if (fstatat(directory, name, &file, AT_SYMLINK_NOFOLLOW) != 0) return -errno;
  looked = {.device = file.st_dev, .mode = file.st_mode};
  return 0;
}

// Finds the file by one look-up and calls `look`, which returns 0 or a negative
// errno and tells the file's device and type. 1: that is not enough, `Find` it.
template <typename Look>
int LookAtOnce(const PathResolver& paths, const Viewer& viewer, int directory,
               const std::string& path, bool follow, Look look,
               PathResolver::ByDescriptor by_descriptor =
                   PathResolver::ByDescriptor::kYes) {
  Shortcut shortcut;
  const int shortened =
      paths.Shorten(viewer, directory, path, by_descriptor, shortcut);
  if (shortened != 0) return shortened;
  Looked looked;
  if (const int failed = look(shortcut.directory, shortcut.name, looked)) {
    // On the way through /proc, a missing descriptor looks like a missing file.
    const bool sure = !shortcut.by_descriptor || directory == AT_FDCWD;
    return failed == -ENOENT && sure ? failed : 1;
  }
  if (follow && S_ISLNK(looked.mode)) return 1;
  return shortcut.by_descriptor && !paths.IsRoots(looked.device) ? 1 : 0;
}

Answer StatPath(Request& request, int directory, int path, int flags,
                int buffer) {
  std::string text;
  // Since Linux 6.11 a null path is an empty one.
  if (request.argument(path) != 0) {
    if (int failed = request.ReadPath(path, text)) return failed;
  } else if ((flags & AT_EMPTY_PATH) == 0) {
    return -EFAULT;
  }
  struct stat file {};
  if (text.empty()) {
    if ((flags & AT_EMPTY_PATH) == 0) return -ENOENT;
    if (int failed = StatDescriptor(request, directory, file)) return failed;
    return GiveStat(request, file, buffer);
  }
  const bool follow = (flags & AT_SYMLINK_NOFOLLOW) == 0;
  const PathResolver& paths = request.emulation().paths;
  const int looked =
      LookAtOnce(paths, request.viewer(), directory, text, follow,
                 [&](int at, const char* name, Looked& it) {
                   return StatName(at, name, file, it);
                 });
  if (looked < 0) return looked;
  if (looked == 0) return GiveStat(request, file, buffer);
  Place place;
  if (int failed = paths.Find(request.viewer(), directory, text,
                              follow ? Follow::kYes : Follow::kNo, place)) {
    return failed;
  }
  if (fstat(place.fd.get(), &file) != 0) return -errno;
  return GiveStat(request, file, buffer);
}

Answer HandleStat(Request& request) {
  return StatPath(request, AT_FDCWD, 0, 0, 1);
}
Answer HandleLstat(Request& request) {
  return StatPath(request, AT_FDCWD, 0, AT_SYMLINK_NOFOLLOW, 1);
}
Answer HandleFstat(Request& request) {
  struct stat file {};
  const int fd = request.Int(0);
  if (fd < 0) return -EBADF;
  if (int failed = StatDescriptor(request, fd, file)) return failed;
  return GiveStat(request, file, 1);
}
Answer HandleNewfstatat(Request& request) {
  if ((request.Int(3) & ~kStatFlags) != 0) return -EINVAL;
  return StatPath(request, request.Int(0), 1, request.Int(3), 2);
}

// The kernel's statx(2) with owner, mode and device as they are meant to be.
Answer GiveStatx(Request& request, struct statx& file) {
  struct stat known {};
  known.st_dev = makedev(file.stx_dev_major, file.stx_dev_minor);
  known.st_ino = file.stx_ino;
  known.st_mode = file.stx_mode;
  known.st_uid = file.stx_uid;
  known.st_gid = file.stx_gid;
  known.st_rdev = makedev(file.stx_rdev_major, file.stx_rdev_minor);
  known.st_nlink = file.stx_nlink;
  if (IsNamedByMount(request, known)) file.stx_nlink = 1;
  request.emulation().inodes.Apply(known);
  file.stx_mode = static_cast<uint16_t>(known.st_mode);
  file.stx_uid = known.st_uid;
  file.stx_gid = known.st_gid;
  file.stx_rdev_major = major(known.st_rdev);
  file.stx_rdev_minor = minor(known.st_rdev);
  return request.Write(request.argument(4), &file, sizeof(file));
}

Answer HandleStatx(Request& request) {
  const int flags = request.Int(2);
  if ((request.Uint(3) & STATX__RESERVED) != 0 || (flags & ~kStatFlags) != 0 ||
      (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE) {
    return -EINVAL;
  }
  const unsigned mask = request.Uint(3) | STATX_BASIC_STATS;
  std::string text;
  if (request.argument(1) != 0) {
    if (int failed = request.ReadPath(1, text)) return failed;
  }
  struct statx file = {};
  constexpr int kSync = AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC;
  if (text.empty()) {
    if ((flags & AT_EMPTY_PATH) == 0) return -ENOENT;
    const HostPath path =
        HostPath::Descriptor(request.thread(), request.Int(0));
    if (statx(AT_FDCWD, path.c_str(), flags & kSync, mask, &file) != 0) {
      return errno == ENOENT ? -EBADF : -errno;
    }
    return GiveStatx(request, file);
  }
  const bool follow = (flags & AT_SYMLINK_NOFOLLOW) == 0;
  const PathResolver& paths = request.emulation().paths;
  const int looked = LookAtOnce(
      paths, request.viewer(), request.Int(0), text, follow,
      [&](int at, const char* name, Looked& it) {
        if (statx(at, name, AT_SYMLINK_NOFOLLOW | (flags & kSync), mask,
                  &file) != 0) {
          return -errno;
        }
        it = {.device = makedev(file.stx_dev_major, file.stx_dev_minor),
              .mode = file.stx_mode};
        return 0;
      });
  if (looked < 0) return looked;
  if (looked == 0) return GiveStatx(request, file);
  Place place;
  if (int failed = paths.Find(request.viewer(), request.Int(0), text,
                              follow ? Follow::kYes : Follow::kNo, place)) {
    return failed;
  }
  if (statx(place.fd.get(), "", AT_EMPTY_PATH | (flags & kSync), mask, &file) !=
      0) {
    return -errno;
  }
  return GiveStatx(request, file);
}

Answer Access(Request& request, int directory, int path, int mode, int flags) {
  if ((mode & ~7) != 0) return -EINVAL;
  Credentials real;
  Viewer viewer = request.viewer();
  if ((flags & AT_EACCESS) == 0) {
    real = request.credentials().ForAccess();
    viewer.who = &real;
  }
  if (request.emulation().has_native_paths() &&
      viewer.who->Has(Capability::kDacOverride)) {
    return Answer::Continue();
  }
  std::string text;
  if (int failed = request.ReadPath(path, text)) return failed;
  const PathResolver& paths = request.emulation().paths;
  if (!text.empty()) {
    struct stat file {};
    // Of the root's own tree, that is, which can be written to.
    const int looked = LookAtOnce(
        paths, viewer, directory, text, (flags & AT_SYMLINK_NOFOLLOW) == 0,
        [&](int at, const char* name, Looked& it) {
          return StatName(at, name, file, it);
        },
        PathResolver::ByDescriptor::kNo);
    if (looked < 0) return looked;
    if (looked == 0) {
      request.emulation().inodes.Apply(file);
      const bool may =
          S_ISLNK(file.st_mode) ||
          MayAccess(*viewer.who, file, static_cast<unsigned>(mode));
      return may ? 0 : -EACCES;
    }
  }
  Place place;
  int failed = 0;
  if (text.empty()) {
    if ((flags & AT_EMPTY_PATH) == 0) return -ENOENT;
    failed = paths.FindDescriptor(viewer, directory, place);
  } else {
    const Follow follow =
        (flags & AT_SYMLINK_NOFOLLOW) != 0 ? Follow::kNo : Follow::kYes;
    failed = paths.Find(viewer, directory, text, follow, place);
  }
  if (failed != 0) return failed;
  struct stat file {};
  if (int error = request.Stat(place.fd.get(), file)) return error;
  if (!place.in_tree()) {
    // What the kernel says of it; there is one user for all.
    return access(HostPath::OwnDescriptor(place.fd.get()).c_str(), mode) == 0
               ? 0
               : -errno;
  }
  if (S_ISLNK(file.st_mode)) return 0;
  if (!MayAccess(*viewer.who, file, static_cast<unsigned>(mode))) {
    return -EACCES;
  }
  const bool special = S_ISFIFO(file.st_mode) || S_ISSOCK(file.st_mode) ||
                       S_ISCHR(file.st_mode) || S_ISBLK(file.st_mode);
  if ((mode & W_OK) != 0 && place.mount->read_only && !special) return -EROFS;
  return 0;
}

Answer HandleAccess(Request& request) {
  return Access(request, AT_FDCWD, 0, request.Int(1), 0);
}
Answer HandleFaccessat(Request& request) {
  return Access(request, request.Int(0), 1, request.Int(2), 0);
}
Answer HandleFaccessat2(Request& request) {
  constexpr int kAllowed = AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
  if ((request.Int(3) & ~kAllowed) != 0) return -EINVAL;
  return Access(request, request.Int(0), 1, request.Int(2), request.Int(3));
}

// Nothing where that takes more than one look-up.
std::optional<Answer> ReadLinkAtOnce(Request& request, int directory,
                                     const std::string& path, int buffer) {
  Shortcut shortcut;
  const int shortened = request.emulation().paths.Shorten(
      request.viewer(), directory, path, PathResolver::ByDescriptor::kNo,
      shortcut);
  if (shortened == 1) return std::nullopt;
  if (shortened < 0) return Answer(shortened);
  char target[PATH_MAX];
  const ssize_t n =
      readlinkat(shortcut.directory, shortcut.name, target, sizeof(target));
  if (n < 0 && errno == EACCES) return std::nullopt;
  if (n < 0) return Answer(-errno);
  const size_t length = std::min(static_cast<size_t>(n),
                                 static_cast<size_t>(request.Uint(buffer + 1)));
  if (int failed = request.Write(request.argument(buffer), target, length)) {
    return Answer(failed);
  }
  return Answer(static_cast<int64_t>(length));
}

Answer ReadLink(Request& request, int directory, int path, int buffer) {
  if (request.IsKernelsAlone()) return Answer::Continue();
  Place place;
  const auto size = static_cast<int>(request.argument(buffer + 1));
  if (size <= 0) return -EINVAL;
  std::string text;
  if (int failed = request.ReadPath(path, text)) return failed;
  if (const std::optional<Answer> answer =
          ReadLinkAtOnce(request, directory, text, buffer)) {
    return *answer;
  }
  // An empty path is allowed for a descriptor of a link, and only there.
  const int failed =
      request.Find(directory, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, place);
  if (failed != 0) return failed;
  if (request.emulation().has_native_paths()) return Answer::Continue();
  std::string target;
  if (place.mount != nullptr &&
      place.mount->kind == VirtualMount::Kind::kProc) {
    if (int error = request.emulation().paths.ReadProcLink(request.viewer(),
                                                           place, target)) {
      return error;
    }
  } else {
    char link[PATH_MAX];
    const ssize_t n = readlinkat(place.fd.get(), "", link, sizeof(link));
    if (n < 0) return errno == ENOENT && !text.empty() ? -EINVAL : -errno;
    target.assign(link, static_cast<size_t>(n));
  }
  const size_t length = std::min(target.size(), static_cast<size_t>(size));
  if (int error =
          request.Write(request.argument(buffer), target.data(), length)) {
    return error;
  }
  return static_cast<int64_t>(length);
}

Answer HandleReadlink(Request& request) {
  return ReadLink(request, AT_FDCWD, 0, 1);
}
Answer HandleReadlinkat(Request& request) {
  return ReadLink(request, request.Int(0), 1, 2);
}

Answer HandleGetcwd(Request& request) {
  const HostPath link = HostPath::Descriptor(request.thread(), AT_FDCWD);
  const std::string host = link.ReadLink();
  struct stat file {};
  if (stat(link.c_str(), &file) != 0) return -errno;
  if (file.st_nlink == 0) return -ENOENT;
  std::string path = request.emulation().mounts.VirtualPath(host);
  if (path.empty()) path = "(unreachable)" + host;
  if (path.size() + 1 > request.argument(1)) return -ERANGE;
  if (int failed =
          request.Write(request.argument(0), path.c_str(), path.size() + 1)) {
    return failed;
  }
  return static_cast<int64_t>(path.size() + 1);
}

Answer HandleStatfs(Request& request) {
  Place place;
  if (int failed = request.Find(AT_FDCWD, 0, 0, place)) return failed;
  struct statfs system = {};
  if (fstatfs(place.fd.get(), &system) != 0) return -errno;
  return request.Write(request.argument(1), &system, sizeof(system));
}

constexpr HandledCall kCalls[] = {
#ifdef SYS_stat
    {SYS_stat, HandleStat},          {SYS_lstat, HandleLstat},
    {SYS_access, HandleAccess},      {SYS_readlink, HandleReadlink},
#endif
    {SYS_fstat, HandleFstat},        {SYS_newfstatat, HandleNewfstatat},
    {SYS_statx, HandleStatx},        {SYS_faccessat, HandleFaccessat},
    {kFaccessat2, HandleFaccessat2}, {SYS_readlinkat, HandleReadlinkat},
    {SYS_getcwd, HandleGetcwd},      {SYS_statfs, HandleStatfs},
};

}  // namespace

std::span<const HandledCall> StatCalls() { return kCalls; }

}  // namespace strake::builder::sandbox::notify
