// open(2) and its relatives.

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <string>
#include <utility>

#include "builder/sandbox/notify/handlers.h"
#include "builder/sandbox/notify/host_path.h"
#include "builder/sandbox/notify/new_file.h"
#include "builder/sandbox/notify/rewrite.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr int kKernelLargeFile = 0100000;  // glibc defines O_LARGEFILE as 0
constexpr int kTemporary = O_TMPFILE & ~O_DIRECTORY;
// What fcntl(F_SETFL) can change: a file that was opened with O_NONBLOCK for
// our sake gets the flags that were asked for.
constexpr int kStatusFlags = O_APPEND | O_DIRECT | O_NOATIME | O_NONBLOCK;

// Devices that a step may use where it made them with mknod(2), and where the
// host has them.
struct KnownDevice {
  dev_t number;
  const char* path;
};
const std::array kKnownDevices = {
    KnownDevice{makedev(1, 3), "/dev/null"},
    KnownDevice{makedev(1, 5), "/dev/zero"},
    KnownDevice{makedev(1, 7), "/dev/full"},
    KnownDevice{makedev(1, 8), "/dev/random"},
    KnownDevice{makedev(1, 9), "/dev/urandom"},
    KnownDevice{makedev(5, 0), "/dev/tty"},
};

bool Writes(int flags) {
  return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0;
}

unsigned WantedAccess(int flags) {
  unsigned wanted = 0;
  switch (flags & O_ACCMODE) {
    case O_RDONLY:
      wanted = 4;
      break;
    case O_WRONLY:
      wanted = 2;
      break;
    default:
      wanted = 6;
      break;
  }
  return wanted | ((flags & O_TRUNC) != 0 ? 2 : 0);
}

struct Open {
  int directory = AT_FDCWD;
  std::string path;
  int flags = 0;
  mode_t mode = 0;
};

class Opener {
 public:
  Opener(Request& request, const Open& open)
      : request_(request), emulation_(request.emulation()), open_(open) {}

  // With native paths: whether it is of no interest to us what is opened,
  // wherever it is.
  bool IsKernelsAnyway() {
    if (!request_.IsKernelsAlone()) return false;
    if ((open_.flags & O_PATH) != 0) return true;
    return (open_.flags & (O_CREAT | kTemporary)) == 0 &&
           !Writes(open_.flags) && !emulation_.inodes.has_devices();
  }

  Answer Run() {
    constexpr int kDirectoryToMake = O_CREAT | O_DIRECTORY;
    if ((open_.flags & (O_PATH | kDirectoryToMake)) == kDirectoryToMake) {
      return -EINVAL;
    }
    if (open_.path.empty()) return -ENOENT;
    if (emulation_.has_native_paths() && IsKernels()) {
      return Answer::Continue();
    }
    if ((open_.flags & O_PATH) != 0) return OpenPath();
    if ((open_.flags & kTemporary) != 0) return OpenTemporary();
    return (open_.flags & O_CREAT) != 0 ? OpenOrCreate() : OpenExisting();
  }

 private:
  bool exclusive() const { return (open_.flags & O_EXCL) != 0; }
  Follow follow() const {
    return (open_.flags & O_NOFOLLOW) != 0 ? Follow::kNo : Follow::kYes;
  }

  // Likewise, of what is at this path.
  bool IsKernels() {
    if (!request_.IsKernelsAlone()) return false;
    std::string_view below;
    if (open_.path[0] == '/' && !HasDotDot(open_.path) &&
        emulation_.mounts.Match(open_.path, below).kind ==
            VirtualMount::Kind::kSystem) {
      return true;
    }
    return IsOrdinary();
  }

  // Whether the kernel makes the file as we would, or writes to one that it
  // can.
  bool IsOrdinary() {
    const bool creates = (open_.flags & O_CREAT) != 0;
    if ((open_.flags & (O_DIRECTORY | kTemporary)) != 0 ||
        !request_.IsFilesRoot()) {
      return false;
    }
    Shortcut shortcut;
    if (emulation_.paths.Shorten(request_.viewer(), open_.directory, open_.path,
                                 PathResolver::ByDescriptor::kNo,
                                 shortcut) != 0) {
      return false;
    }
    if (!(creates && exclusive())) {
      struct stat file {};
      if (fstatat(shortcut.directory, shortcut.name, &file,
                  AT_SYMLINK_NOFOLLOW) == 0) {
        return S_ISREG(file.st_mode) && emulation_.inodes.IsUsers(file) &&
               emulation_.inodes.IsPlain(file);
      }
      if (errno != ENOENT || !creates) return false;
    }
    return request_.MayMake(shortcut, S_IFREG | (open_.mode & 07777));
  }

  // Whether the caller's own look-up, from its own directory, finds what ours
  // does: no symlink and no mount point is on the way, and none at its end.
  // Should that change meanwhile, the caller gets no more than a place.
  bool IsReachedByCaller() {
    if (open_.path[0] == '/') return false;
    Shortcut shortcut;
    if (emulation_.paths.Shorten(request_.viewer(), open_.directory, open_.path,
                                 PathResolver::ByDescriptor::kNo,
                                 shortcut) != 0 ||
        !shortcut.parent.known()->is_direct) {
      return false;
    }
    struct stat file {};
    return fstatat(shortcut.directory, shortcut.name, &file,
                   AT_SYMLINK_NOFOLLOW) == 0 &&
           (!S_ISLNK(file.st_mode) || follow() == Follow::kNo);
  }

  // O_PATH descriptors cannot be sent: the caller opens ours.
  Answer OpenPath() {
    if (IsReachedByCaller()) return Answer::Continue();
    Place place;
    if (int failed = emulation_.paths.Find(request_.viewer(), open_.directory,
                                           open_.path, follow(), place)) {
      return failed;
    }
    if (emulation_.has_native_paths()) return Answer::Continue();
    struct stat file {};
    if (fstat(place.fd.get(), &file) != 0) return -errno;
    if ((open_.flags & O_DIRECTORY) != 0 && !S_ISDIR(file.st_mode)) {
      return -ENOTDIR;
    }
    int64_t opened = 0;
    CallInTracee(request_,
                 {.number = SYS_openat,
                  .arguments = {{0, static_cast<uint64_t>(AT_FDCWD)},
                                {1, RewrittenCall::kSlot},
                                {2, static_cast<uint64_t>(
                                        O_PATH | (open_.flags & O_CLOEXEC))}},
                  .data = PathForTracee(place.fd.get())},
                 opened);
    return Answer::Given();
  }

  // As `PathResolver::OpenFast`; 1 also where it might be a FIFO.
  int OpenFast(int flags, Place& place) {
    if (emulation_.has_fifos) return 1;
    return emulation_.paths.OpenFast(request_.viewer(), open_.directory,
                                     open_.path, flags | O_NONBLOCK, place);
  }

  Answer OpenExisting() {
    Place place;
    const int fast = OpenFast(open_.flags, place);
    if (fast == 0) return Finish(std::move(place));
    // A FIFO without a reader, or a device that is not there: looked at anew.
    if (fast < 0 && fast != -ENXIO) return fast;
    if (int failed = emulation_.paths.Find(request_.viewer(), open_.directory,
                                           open_.path, follow(), place)) {
      return failed;
    }
    return OpenPlace(std::move(place));
  }

  // Opens what was found, with the caller's rights.
  Answer OpenPlace(Place place) {
    if (emulation_.has_native_paths() && !place.in_tree()) {
      return Answer::Continue();
    }
    struct stat file {};
    if (int failed = request_.Stat(place.fd.get(), file)) return failed;
    if (S_ISLNK(file.st_mode)) {
      return (open_.flags & O_DIRECTORY) != 0 ? -ENOTDIR : -ELOOP;
    }
    if (S_ISDIR(file.st_mode)) {
      if (Writes(open_.flags) || (open_.flags & O_CREAT) != 0) return -EISDIR;
    } else if ((open_.flags & O_DIRECTORY) != 0) {
      return -ENOTDIR;
    }
    if (place.in_tree()) {
      if (!MayAccess(request_.credentials(), file, WantedAccess(open_.flags))) {
        return -EACCES;
      }
      if (place.mount->read_only && S_ISREG(file.st_mode) &&
          Writes(open_.flags)) {
        return -EROFS;
      }
      if ((open_.flags & O_NOATIME) != 0 &&
          !IsOwner(request_.credentials(), file)) {
        return -EPERM;
      }
    }
    if (S_ISFIFO(file.st_mode) && (open_.flags & O_NONBLOCK) == 0) {
      return OpenInCaller(std::move(place.fd));
    }
    const int flags =
        (open_.flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_NONBLOCK;
    const HostPath path = HostPath::OwnDescriptor(place.fd.get());
    int fd = open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == EACCES && place.in_tree() &&
        emulation_.inodes.OpenUp(place.fd.get())) {
      fd = open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY);
    }
    if (fd < 0) return -errno;
    place.fd.reset(fd);
    return Finish(std::move(place));
  }

  Answer OpenOrCreate() {
    if (!exclusive()) {
      Place place;
      if (OpenFast(open_.flags & ~O_CREAT, place) == 0) {
        return Finish(std::move(place));
      }
    }
    if (open_.path.ends_with('/')) {
      ParentPlace parent;
      const int failed = emulation_.paths.FindParent(
          request_.viewer(), open_.directory, open_.path, parent);
      if (failed != 0) return failed;
      return exclusive() && parent.IsSpecial() ? -EEXIST : -EISDIR;
    }
    Place made;
    const int created = CreateAtOnce(made);
    if (created < 0) return created;
    if (created == 0) return Send(std::move(made.fd));
    while (true) {
      ParentPlace parent;
      Place existing;
      if (int failed = emulation_.paths.FindForCreation(
              request_.viewer(), open_.directory, open_.path,
              exclusive() ? Follow::kNo : follow(), parent, existing)) {
        return failed;
      }
      if (existing.fd) {
        if (exclusive()) return -EEXIST;
        return OpenPlace(std::move(existing));
      }
      if (int failed = request_.MayChange(parent, Request::Expect::kAbsent)) {
        return failed;
      }
      const int made_now = Create(parent, made);
      if (made_now == -EEXIST && !exclusive())
        continue;  // somebody was quicker
      if (made_now < 0) return made_now;
      return Send(std::move(made.fd));
    }
  }

  // Makes the file without a look at what is there; 1: there is something, or
  // it takes a walk.
  int CreateAtOnce(Place& made) {
    Shortcut shortcut;
    const int shortened =
        emulation_.paths.Shorten(request_.viewer(), open_.directory, open_.path,
                                 PathResolver::ByDescriptor::kNo, shortcut);
    if (shortened != 0) return shortened;
    const ParentPlace parent = {.directory = std::move(shortcut.parent),
                                .mount = &emulation_.mounts.root(),
                                .name = shortcut.name};
    const int created = Create(parent, made);
    const bool unclear =
        created == -EACCES || (created == -EEXIST && !exclusive());
    return unclear ? 1 : created;
  }

  int Create(const ParentPlace& parent, Place& made) {
    const mode_t mode = S_IFREG | (open_.mode & ~request_.umask() & 07777);
    const int flags = (open_.flags & ~O_TRUNC) | O_CREAT | O_EXCL;
    const std::lock_guard lock(emulation_.changes);
    const int fd = openat(parent.directory.get(), parent.name.c_str(),
                          flags | O_CLOEXEC | O_NOCTTY, DiskMode(mode));
    if (fd < 0) return -errno;
    made.fd.reset(fd);
    made.mount = parent.mount;
    struct stat file {};
    if (fstat(fd, &file) != 0) return -errno;
    if (parent.in_tree()) {
      RecordNewFile(request_, parent.directory.get(), file, mode);
      emulation_.TouchFile(parent.directory, parent.name, KeyOf(file));
    }
    return 0;
  }

  Answer OpenTemporary() {
    Place directory;
    if (int failed =
            emulation_.paths.Find(request_.viewer(), open_.directory,
                                  open_.path, Follow::kYes, directory)) {
      return failed;
    }
    struct stat there {};
    if (fstat(directory.fd.get(), &there) != 0) return -errno;
    if (!S_ISDIR(there.st_mode)) return -ENOTDIR;
    if (directory.mount != nullptr && directory.mount->read_only) return -EROFS;
    if (!request_.May(directory, 3)) return -EACCES;
    const mode_t mode = S_IFREG | (open_.mode & ~request_.umask() & 07777);
    const std::lock_guard lock(emulation_.changes);
    const int fd = open(HostPath::OwnDescriptor(directory.fd.get()).c_str(),
                        open_.flags | O_CLOEXEC, DiskMode(mode));
    if (fd < 0) return -errno;
    UniqueFd made(fd);
    struct stat file {};
    if (fstat(fd, &file) != 0) return -errno;
    RecordNewFile(request_, directory.fd.get(), file, mode);
    return Send(std::move(made));
  }

  // Looks at what was opened (with O_NONBLOCK) and hands it over.
  Answer Finish(Place place) {
    struct stat on_disk {};
    if (fstat(place.fd.get(), &on_disk) != 0) return -errno;
    struct stat file = on_disk;
    emulation_.inodes.Apply(file);
    if (S_ISDIR(file.st_mode) && (open_.flags & O_CREAT) != 0) return -EISDIR;
    if (place.in_tree()) {
      if (S_ISFIFO(file.st_mode)) emulation_.has_fifos = true;
      if (S_ISFIFO(file.st_mode) && (open_.flags & O_NONBLOCK) == 0) {
        return OpenInCaller(std::move(place.fd));
      }
      if (S_ISCHR(file.st_mode) || S_ISBLK(file.st_mode)) {
        return OpenDevice(file.st_rdev);
      }
      if (Writes(open_.flags)) {
        emulation_.TouchFile(place.fd.get(), KeyOf(on_disk));
        // The kernel does so at the write, which nobody tells us of.
        RecordWrite(request_, on_disk);
      }
    }
    if ((open_.flags & O_NONBLOCK) == 0) {
      fcntl(place.fd.get(), F_SETFL, open_.flags & kStatusFlags);
    }
    return Send(std::move(place.fd));
  }

  Answer OpenDevice(dev_t number) {
    for (const KnownDevice& device : kKnownDevices) {
      if (device.number != number) continue;
      UniqueFd fd(
          open(device.path, (open_.flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)) |
                                O_CLOEXEC | O_NOCTTY));
      return fd ? Send(std::move(fd)) : Answer(-errno);
    }
    return -EPERM;  // as a container's device rules say
  }

  // Opening may block, until somebody opens the other end: that is for the
  // caller itself, where signals can interrupt it.
  Answer OpenInCaller(UniqueFd fd) {
    if (emulation_.has_native_paths()) return Answer::Continue();
    // Opened anew: `fd` may be an end of the pipe already.
    UniqueFd path(
        open(HostPath::OwnDescriptor(fd.get()).c_str(), O_PATH | O_CLOEXEC));
    fd.reset();
    if (!path) return -errno;
    const int flags = open_.flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW | O_TRUNC);
    RewrittenCall call;
    call.number = SYS_openat;
    call.arguments = {{0, static_cast<uint64_t>(AT_FDCWD)},
                      {1, RewrittenCall::kSlot},
                      {2, static_cast<uint64_t>(flags)}};
    call.data = PathForTracee(path.get());
    call.held_slot =
        emulation_.held_files.Hold(request_.thread(), std::move(path));
    SendToCall(request_, call);
    return Answer::Given();
  }

  Answer Send(UniqueFd fd) {
    const UnderWay::Sending sending(emulation_.under_way);
    // Who reads from a FIFO sees its last writer go.
    const auto close = emulation_.has_fifos ? Transport::Close::kBefore
                                            : Transport::Close::kSoon;
    const int sent = emulation_.transport->SendDescriptor(
        request_.call(), std::move(fd), (open_.flags & O_CLOEXEC) != 0, close);
    return sent < 0 ? Answer(sent) : Answer::Given();
  }

  Request& request_;
  Emulation& emulation_;
  const Open& open_;
};

Answer OpenFile(Request& request, int directory, int path, int flags,
                uint64_t mode) {
  Open open;
  open.directory = directory;
  open.flags = flags & ~kKernelLargeFile;
  open.mode = static_cast<mode_t>(mode);
  Opener opener(request, open);
  if (opener.IsKernelsAnyway()) return Answer::Continue();
  if (int failed = request.ReadPath(path, open.path)) return failed;
  return opener.Run();
}

Answer HandleOpenat(Request& request) {
  return OpenFile(request, request.Int(0), 1, request.Int(2),
                  request.argument(3));
}
#ifdef SYS_open
Answer HandleOpen(Request& request) {
  return OpenFile(request, AT_FDCWD, 0, request.Int(1), request.argument(2));
}
Answer HandleCreat(Request& request) {
  return OpenFile(request, AT_FDCWD, 0, O_CREAT | O_WRONLY | O_TRUNC,
                  request.argument(1));
}
#endif

constexpr HandledCall kCalls[] = {
#ifdef SYS_open
    {SYS_open, HandleOpen},
    {SYS_creat, HandleCreat},
#endif
    {SYS_openat, HandleOpenat},
};

}  // namespace

std::span<const HandledCall> OpenCalls() { return kCalls; }

}  // namespace strake::builder::sandbox::notify
