// Calls that change owner, mode, times and size.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

#include <cerrno>
#include <mutex>

#include "builder/sandbox/notify/handlers.h"
#include "builder/sandbox/notify/host_path.h"
#include "builder/sandbox/notify/new_file.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr int kFchmodat2 = 452;
constexpr mode_t kSetGroup = S_ISGID | S_IXGRP;

int IsWritable(const Place& place) {
  return place.mount != nullptr && place.mount->read_only ? -EROFS : 0;
}

// The change has happened: the kernel would set the time of it.
//   file  as on disk
void TouchTime(int fd, const struct stat& file) {
  if (S_ISLNK(file.st_mode)) return;
  chmod(HostPath::OwnDescriptor(fd).c_str(), file.st_mode & 07777);
}

Answer ChangeMode(Request& request, const Place& place, mode_t mode) {
  if (int failed = IsWritable(place)) return failed;
  Emulation& emulation = request.emulation();
  const std::lock_guard lock(emulation.changes);
  struct stat file {};
  if (fstat(place.fd.get(), &file) != 0) return -errno;
  struct stat meant = file;
  emulation.inodes.Apply(meant);
  if (S_ISLNK(meant.st_mode)) return -EOPNOTSUPP;
  const HostPath path = HostPath::OwnDescriptor(place.fd.get());
  if (place.mount != nullptr &&
      place.mount->kind == VirtualMount::Kind::kProc) {
    return -EPERM;
  }
  const Credentials& who = request.credentials();
  if (!IsOwner(who, meant)) return -EPERM;
  mode = (meant.st_mode & S_IFMT) | (mode & 07777);
  if (!who.InGroup(meant.st_gid) && !who.Has(Capability::kFsetid)) {
    mode &= ~static_cast<mode_t>(S_ISGID);
  }
  // The host's devices stay as they are.
  const bool is_hosts = place.mount != nullptr && !place.in_tree();
  if (!is_hosts) {
    if (chmod(path.c_str(), DiskMode(mode)) != 0) return -errno;
    file.st_mode = (file.st_mode & S_IFMT) | DiskMode(mode);
  }
  emulation.inodes.Update(
      file, [&](VirtualMetadata& metadata) { metadata.mode = mode; });
  emulation.TouchFile(place.fd.get(), KeyOf(file));
  return 0;
}

// Whether the kernel may give `file`, an "own file" of the request, this mode.
bool IsModeForKernel(Request& request, const struct stat& file, mode_t mode) {
  mode = (file.st_mode & S_IFMT) | (mode & 07777);
  return !S_ISLNK(mode) && DiskMode(mode) == (mode & 07777) &&
         request.emulation().inodes.IsPlain(file);
}

Answer ChangeModeAt(Request& request, int directory, int path, mode_t mode,
                    int flags) {
  struct stat file {};
  if (request.IsOwnFileAt(directory, path, flags, file) &&
      IsModeForKernel(request, file, mode)) {
    return Answer::Continue();
  }
  Place place;
  if (int failed = request.Find(directory, path, flags, place)) return failed;
  return ChangeMode(request, place, mode);
}

Answer HandleFchmod(Request& request) {
  struct stat file {};
  if (request.IsOwnFile(request.Int(0), file) &&
      IsModeForKernel(request, file, request.Uint(1))) {
    return Answer::Continue();
  }
  Place place;
  if (int failed = request.FindOpenFile(request.Int(0), place)) return failed;
  return ChangeMode(request, place, request.Uint(1));
}
Answer HandleFchmodat(Request& request) {
  return ChangeModeAt(request, request.Int(0), 1, request.Uint(2), 0);
}
Answer HandleFchmodat2(Request& request) {
  const int flags = request.Int(3);
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return -EINVAL;
  return ChangeModeAt(request, request.Int(0), 1, request.Uint(2), flags);
}

Answer ChangeOwner(Request& request, const Place& place, uint32_t uid,
                   uint32_t gid) {
  if (int failed = IsWritable(place)) return failed;
  if (place.mount != nullptr &&
      place.mount->kind == VirtualMount::Kind::kProc) {
    return -EPERM;
  }
  Emulation& emulation = request.emulation();
  const std::lock_guard lock(emulation.changes);
  struct stat file {};
  if (fstat(place.fd.get(), &file) != 0) return -errno;
  struct stat meant = file;
  emulation.inodes.Apply(meant);
  const Credentials& who = request.credentials();
  const bool owns = who.fsuid == meant.st_uid;
  const bool any = who.Has(Capability::kChown);
  if (uid != kUnchanged && !any && !(owns && uid == meant.st_uid)) {
    return -EPERM;
  }
  if (gid != kUnchanged && !any &&
      !(owns && (gid == meant.st_gid || who.InGroup(gid)))) {
    return -EPERM;
  }
  if (uid != kUnchanged) meant.st_uid = uid;
  const uint32_t old_gid = meant.st_gid;
  if (gid != kUnchanged) meant.st_gid = gid;
  if (!S_ISDIR(meant.st_mode)) {
    const bool drops_group =
        (meant.st_mode & kSetGroup) == kSetGroup ||
        ((meant.st_mode & S_ISGID) != 0 && !who.InGroup(old_gid) &&
         !who.Has(Capability::kFsetid));
    const bool drops_any = drops_group || (meant.st_mode & S_ISUID) != 0;
    struct stat before = file;
    emulation.inodes.Apply(before);
    if (drops_any && !IsOwner(who, before)) return -EPERM;
    meant.st_mode &= ~static_cast<mode_t>(S_ISUID);
    if (drops_group) meant.st_mode &= ~static_cast<mode_t>(S_ISGID);
  }
  emulation.inodes.Update(file, [&](VirtualMetadata& metadata) {
    metadata.uid = meant.st_uid;
    metadata.gid = meant.st_gid;
    metadata.mode = meant.st_mode;
    if (!S_ISDIR(meant.st_mode)) metadata.xattrs.erase("security.capability");
  });
  if (place.in_tree()) TouchTime(place.fd.get(), file);
  emulation.TouchFile(place.fd.get(), KeyOf(file));
  return 0;
}

// Whether the kernel may make `file`, an "own file", root's, whose it is.
bool IsOwnerForKernel(Request& request, const struct stat& file, uint32_t uid,
                      uint32_t gid) {
  const auto is_roots = [](uint32_t id) { return id == 0 || id == kUnchanged; };
  return is_roots(uid) && is_roots(gid) &&
         request.emulation().inodes.IsPlain(file);
}

Answer ChangeOwnerAt(Request& request, int directory, int path, int ids,
                     int flags) {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return -EINVAL;
  struct stat file {};
  if (request.IsOwnFileAt(directory, path, flags, file) &&
      IsOwnerForKernel(request, file, request.Uint(ids),
                       request.Uint(ids + 1))) {
    return Answer::Continue();
  }
  Place place;
  if (int failed = request.Find(directory, path, flags, place)) return failed;
  return ChangeOwner(request, place, request.Uint(ids), request.Uint(ids + 1));
}

Answer HandleFchown(Request& request) {
  struct stat file {};
  if (request.IsOwnFile(request.Int(0), file) &&
      IsOwnerForKernel(request, file, request.Uint(1), request.Uint(2))) {
    return Answer::Continue();
  }
  Place place;
  if (int failed = request.FindOpenFile(request.Int(0), place)) return failed;
  return ChangeOwner(request, place, request.Uint(1), request.Uint(2));
}
Answer HandleFchownat(Request& request) {
  return ChangeOwnerAt(request, request.Int(0), 1, 2, request.Int(4));
}

// fs/utimes.c: who may set what.
int MaySetTimes(Request& request, const Place& place, const timespec* times) {
  const Credentials& who = request.credentials();
  if (!place.in_tree() || who.Has(Capability::kFowner)) return 0;
  struct stat meant {};
  if (int failed = request.Stat(place.fd.get(), meant)) return failed;
  if (IsOwner(who, meant)) return 0;
  const bool now = times == nullptr || (times[0].tv_nsec == UTIME_NOW &&
                                        times[1].tv_nsec == UTIME_NOW);
  if (!now) return -EPERM;
  return MayAccess(who, meant, 2) ? 0 : -EACCES;
}

Answer SetTimes(Request& request, const Place& place, const timespec* times) {
  if (times != nullptr && times[0].tv_nsec == UTIME_OMIT &&
      times[1].tv_nsec == UTIME_OMIT) {
    return 0;
  }
  if (int failed = IsWritable(place)) return failed;
  if (int failed = MaySetTimes(request, place, times)) return failed;
  // The host's own devices and /proc: as the owner's change of mode, it is
  // answered as a container's root is, but the host's files stay as they are.
  if (place.mount != nullptr && !place.in_tree()) return 0;
  struct stat file {};
  if (fstat(place.fd.get(), &file) != 0) return -errno;
  request.emulation().TouchFile(place.fd.get(), KeyOf(file));
  return utimensat(place.fd.get(), "", times, AT_EMPTY_PATH) == 0 ? 0 : -errno;
}

Answer HandleUtimensat(Request& request) {
  struct stat file {};
  if (request.argument(1) == 0
          ? request.IsOwnFile(request.Int(0), file)
          : request.IsOwnFileAt(request.Int(0), 1, request.Int(3), file)) {
    return Answer::Continue();
  }
  const int allowed =
      request.argument(1) == 0 ? 0 : AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
  timespec times[2] = {};
  const bool given = request.argument(2) != 0;
  if (given) {
    if (int failed = request.Read(request.argument(2), times, sizeof(times))) {
      return failed;
    }
  }
  if ((request.Int(3) & ~allowed) != 0) return -EINVAL;
  Place place;
  // A null path means the descriptor (futimens(3)).
  const int failed =
      request.argument(1) == 0
          ? request.FindOpenFile(request.Int(0), place)
          : request.Find(request.Int(0), 1, request.Int(3), place);
  if (failed != 0) return failed;
  return SetTimes(request, place, given ? times : nullptr);
}

#ifdef SYS_utimes
Answer SetOldTimes(Request& request, int directory, int path, int argument) {
  timeval old[2] = {};
  timespec times[2] = {};
  const bool given = request.argument(argument) != 0;
  if (given) {
    if (int failed =
            request.Read(request.argument(argument), old, sizeof(old))) {
      return failed;
    }
    for (int i = 0; i < 2; ++i) {
      if (old[i].tv_usec < 0 || old[i].tv_usec >= 1000000) return -EINVAL;
      times[i] = {old[i].tv_sec, old[i].tv_usec * 1000};
    }
  }
  Place place;
  const int failed = request.argument(path) == 0
                         ? request.FindOpenFile(directory, place)
                         : request.Find(directory, path, 0, place);
  if (failed != 0) return failed;
  return SetTimes(request, place, given ? times : nullptr);
}

Answer HandleUtimes(Request& request) {
  return SetOldTimes(request, AT_FDCWD, 0, 1);
}
Answer HandleFutimesat(Request& request) {
  return SetOldTimes(request, request.Int(0), 1, 2);
}
Answer HandleUtime(Request& request) {
  utimbuf old = {};
  const bool given = request.argument(1) != 0;
  if (given) {
    if (int failed = request.Read(request.argument(1), &old, sizeof(old))) {
      return failed;
    }
  }
  const timespec times[2] = {{old.actime, 0}, {old.modtime, 0}};
  Place place;
  if (int failed = request.Find(AT_FDCWD, 0, 0, place)) return failed;
  return SetTimes(request, place, given ? times : nullptr);
}
Answer HandleChmod(Request& request) {
  return ChangeModeAt(request, AT_FDCWD, 0, request.Uint(1), 0);
}
Answer HandleChown(Request& request) {
  return ChangeOwnerAt(request, AT_FDCWD, 0, 1, 0);
}
Answer HandleLchown(Request& request) {
  return ChangeOwnerAt(request, AT_FDCWD, 0, 1, AT_SYMLINK_NOFOLLOW);
}
#endif

Answer HandleTruncate(Request& request) {
  Place place;
  const auto size = static_cast<int64_t>(request.argument(1));
  if (size < 0) return -EINVAL;
  if (int failed = request.Find(AT_FDCWD, 0, 0, place)) return failed;
  struct stat file {};
  if (fstat(place.fd.get(), &file) != 0) return -errno;
  struct stat meant = file;
  request.emulation().inodes.Apply(meant);
  if (S_ISDIR(meant.st_mode)) return -EISDIR;
  if (!S_ISREG(meant.st_mode)) return -EINVAL;
  if (!request.May(place, 2)) return -EACCES;
  if (int failed = IsWritable(place)) return failed;
  request.emulation().Touch(place.fd.get());
  RecordWrite(request, file);
  return truncate(HostPath::OwnDescriptor(place.fd.get()).c_str(), size) == 0
             ? 0
             : -errno;
}

constexpr HandledCall kCalls[] = {
#ifdef SYS_utimes
    {SYS_chmod, HandleChmod},       {SYS_chown, HandleChown},
    {SYS_lchown, HandleLchown},     {SYS_utime, HandleUtime},
    {SYS_utimes, HandleUtimes},     {SYS_futimesat, HandleFutimesat},
#endif
    {SYS_fchmod, HandleFchmod},     {SYS_fchmodat, HandleFchmodat},
    {kFchmodat2, HandleFchmodat2},  {SYS_fchown, HandleFchown},
    {SYS_fchownat, HandleFchownat}, {SYS_utimensat, HandleUtimensat},
    {SYS_truncate, HandleTruncate},
};

}  // namespace

std::span<const HandledCall> AttributeCalls() { return kCalls; }

}  // namespace strake::builder::sandbox::notify
