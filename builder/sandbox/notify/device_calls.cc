#include "builder/sandbox/notify/device_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>

#include "builder/sandbox/device_nodes.h"
#include "builder/sandbox/notify/credentials.h"
#include "builder/sandbox/notify/tracee_memory.h"

namespace strake::builder::sandbox::notify {
namespace {

// 0 where the kernel does not tell (before Linux 5.8).
uint64_t MountOf(int file) {
  struct statx found {};
  if (statx(file, "", AT_EMPTY_PATH, STATX_MNT_ID, &found) != 0 ||
      (found.stx_mask & STATX_MNT_ID) == 0) {
    return 0;
  }
  return found.stx_mnt_id;
}

int64_t Argument(const Notification& call, int i) {
  return static_cast<int64_t>(call.arguments[i]);
}
int IntArgument(const Notification& call, int i) {
  return static_cast<int>(call.arguments[i]);
}

}  // namespace

DeviceCalls::DeviceCalls(int root, Made made, Listener& listener,
                         VirtualDevices& devices, CallerPlace& place)
    : root_mount_(MountOf(root)),
      made_(made),
      listener_(listener),
      devices_(devices),
      place_(place) {
  for (const DeviceNode& node : kDeviceNodes) {
    const std::string path = std::string("/dev/") + node.name;
    known_.emplace_back(makedev(node.major, node.minor),
                        open(path.c_str(), O_PATH | O_CLOEXEC));
  }
}

bool DeviceCalls::Handle(const Notification& call) {
  const Answer answer = Find(call);
  if (was_made_) return true;
  if (answer.is_continue()) {
    listener_.Continue(call);
  } else if (!answer.is_given()) {
    listener_.Send(call, answer.value());
  }
  return false;
}

Answer DeviceCalls::Find(const Notification& call) {
  const uint64_t* arguments = call.arguments;
  switch (call.number) {
    case SYS_mknod:
      return Make(call, AT_FDCWD, arguments[0], arguments[1], arguments[2]);
    case SYS_mknodat:
      return Make(call, IntArgument(call, 0), arguments[1], arguments[2],
                  arguments[3]);
    default:
      break;
  }
  if (devices_.empty()) return Answer::Continue();
  switch (call.number) {
    case SYS_stat:
      return Stat(call, AT_FDCWD, arguments[0], arguments[1], 0);
    case SYS_lstat:
      return Stat(call, AT_FDCWD, arguments[0], arguments[1],
                  AT_SYMLINK_NOFOLLOW);
    case SYS_fstat:
      return Stat(call, IntArgument(call, 0), 0, arguments[1], AT_EMPTY_PATH);
    case SYS_newfstatat:
      return Stat(call, IntArgument(call, 0), arguments[1], arguments[2],
                  IntArgument(call, 3));
    case SYS_statx:
      return Statx(call);
    case SYS_open:
      return Open(call, {.path = arguments[0], .flags = arguments[1]});
    case SYS_creat:
      return Open(
          call, {.path = arguments[0], .flags = O_CREAT | O_WRONLY | O_TRUNC});
    case SYS_openat:
      return Open(call, {.directory = IntArgument(call, 0),
                         .path = arguments[1],
                         .flags = arguments[2]});
    case SYS_openat2: {
      open_how how = {};
      if (ReadMemory(call.thread, arguments[2], &how, sizeof(how)) != 0) break;
      return Open(call, {.directory = IntArgument(call, 0),
                         .path = arguments[1],
                         .flags = how.flags});
    }
    case SYS_truncate:
      return Truncate(call);
    case SYS_getdents64:
      return ReadDirectory(call);
    default:
      break;
  }
  return Answer::Continue();
}

// False where the kernel has to say what is wrong.
bool DeviceCalls::FindTarget(const Notification& call, int directory,
                             uint64_t path, int flags, Target& target) {
  if (place_.EnterRoot(call.thread) != 0) return false;
  if (path != 0 && ReadString(call.thread, path, target.path) != 0) {
    return false;
  }
  if (target.path.empty() && (flags & AT_EMPTY_PATH) == 0) return false;
  target.flags = flags & (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
  if (target.path.starts_with('/')) return true;
  target.directory = place_.Open(call.thread, directory);
  target.base = target.directory.get();
  return static_cast<bool>(target.directory);
}

std::optional<struct stat> DeviceCalls::DeviceAt(const Target& target) {
  struct stat file {};
  if (fstatat(target.base, target.path.c_str(), &file, target.flags) != 0 ||
      !devices_.Apply(file)) {
    return {};
  }
  return file;
}

Answer DeviceCalls::Make(const Notification& call, int directory, uint64_t path,
                         uint64_t mode, uint64_t rdev) {
  constexpr uint64_t kMknod = uint64_t{1}
                              << static_cast<unsigned>(Capability::kMknod);
  const std::optional<CallerIds> ids = place_.IdsOf(call.thread);
  Target target;
  if (!ids || (ids->capabilities & kMknod) == 0 ||
      !FindTarget(call, directory, path, 0, target) ||
      !listener_.IsValid(call.id)) {
    return Answer::Continue();
  }
  const auto type = static_cast<uint32_t>(mode & S_IFMT);
  {
    const AsCaller caller(place_, *ids);
    if (!caller.ok()) return Answer::Continue();
    const auto disk = static_cast<mode_t>(S_IFREG | (mode & 07777));
    if (mknodat(target.base, target.path.c_str(), disk, 0) != 0) return -errno;
  }
  return Keep(target, type, rdev & 0xffffffff);
}

Answer DeviceCalls::Keep(const Target& target, uint32_t type, uint64_t rdev) {
  UniqueFd file(openat(target.base, target.path.c_str(),
                       O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return -errno;
  const bool can_hold = CanHold(file.get());
  if (!can_hold || made_ == Made::kTaken) {
    unlinkat(target.base, target.path.c_str(), 0);
    was_made_ = can_hold;
    return -EPERM;
  }
  if (devices_.Add(std::move(file), type, rdev)) return 0;
  unlinkat(target.base, target.path.c_str(), 0);
  return -ENFILE;
}

// Elsewhere nobody would know of it after the step.
bool DeviceCalls::CanHold(int file) const {
  if (root_mount_ != 0 && MountOf(file) == root_mount_) return true;
  struct statfs found {};
  return fstatfs(file, &found) == 0 && found.f_type == TMPFS_MAGIC;
}

Answer DeviceCalls::Stat(const Notification& call, int directory, uint64_t path,
                         uint64_t buffer, int flags) {
  Target target;
  if (!FindTarget(call, directory, path, flags, target) || !DeviceAt(target)) {
    return Answer::Continue();
  }
  const std::optional<CallerIds> ids = place_.IdsOf(call.thread);
  struct stat file {};
  if (!ids) return Answer::Continue();
  {
    const AsCaller caller(place_, *ids);
    if (!caller.ok()) return Answer::Continue();
    if (fstatat(target.base, target.path.c_str(), &file, flags) != 0) {
      return -errno;
    }
  }
  devices_.Apply(file);
  return WriteMemory(call.thread, buffer, &file, sizeof(file));
}

Answer DeviceCalls::Statx(const Notification& call) {
  const int flags = IntArgument(call, 2);
  Target target;
  if (!FindTarget(call, IntArgument(call, 0), call.arguments[1], flags,
                  target)) {
    return Answer::Continue();
  }
  const std::optional<struct stat> meant = DeviceAt(target);
  const std::optional<CallerIds> ids = place_.IdsOf(call.thread);
  if (!meant || !ids) return Answer::Continue();
  struct statx file {};
  {
    const AsCaller caller(place_, *ids);
    if (!caller.ok()) return Answer::Continue();
    if (statx(target.base, target.path.c_str(), flags,
              static_cast<unsigned>(Argument(call, 3)), &file) != 0) {
      return -errno;
    }
  }
  file.stx_mode = static_cast<uint16_t>(meant->st_mode);
  file.stx_uid = meant->st_uid;
  file.stx_gid = meant->st_gid;
  file.stx_rdev_major = major(meant->st_rdev);
  file.stx_rdev_minor = minor(meant->st_rdev);
  return WriteMemory(call.thread, call.arguments[4], &file, sizeof(file));
}

Answer DeviceCalls::Open(const Notification& call, const Opening& opening) {
  constexpr uint64_t kExclusive = O_CREAT | O_EXCL;
  // The kernel knows what becomes of these with any file.
  if ((opening.flags & (O_PATH | O_DIRECTORY)) != 0 ||
      (opening.flags & kExclusive) == kExclusive) {
    return Answer::Continue();
  }
  Target target;
  const int follow =
      (opening.flags & O_NOFOLLOW) != 0 ? AT_SYMLINK_NOFOLLOW : 0;
  if (!FindTarget(call, opening.directory, opening.path, follow, target)) {
    return Answer::Continue();
  }
  const std::optional<struct stat> meant = DeviceAt(target);
  const std::optional<CallerIds> ids = place_.IdsOf(call.thread);
  if (!meant || !ids) return Answer::Continue();
  {
    const AsCaller caller(place_, *ids);
    if (!caller.ok()) return Answer::Continue();
    const auto kept =
        static_cast<int>(opening.flags) & (O_ACCMODE | O_NOFOLLOW);
    const UniqueFd file(
        openat(target.base, target.path.c_str(), kept | O_CLOEXEC));
    if (!file) return -errno;
  }
  return OpenDevice(call, meant->st_rdev, opening.flags);
}

Answer DeviceCalls::OpenDevice(const Notification& call, uint64_t rdev,
                               uint64_t flags) {
  auto known = std::ranges::find_if(
      known_, [&](const auto& entry) { return entry.first == rdev; });
  if (known == known_.end()) return -EPERM;  // as a container's rules say
  UniqueFd fd = place_.Reopen(
      known->second.get(),
      static_cast<int>(flags & ~uint64_t{O_CREAT | O_EXCL | O_NOFOLLOW}) |
          O_NOCTTY);
  if (!fd) return -errno;
  const int sent = listener_.SendDescriptor(
      call, std::move(fd), (flags & O_CLOEXEC) != 0, Transport::Close::kBefore);
  return sent < 0 ? Answer(sent) : Answer::Given();
}

Answer DeviceCalls::Truncate(const Notification& call) {
  Target target;
  if (Argument(call, 1) < 0 ||
      !FindTarget(call, AT_FDCWD, call.arguments[0], 0, target) ||
      !DeviceAt(target)) {
    return Answer::Continue();
  }
  return -EINVAL;
}

// The kernel tells the type with each name. It is asked through a descriptor
// that shares its position with the caller's, who gets what was corrected.
Answer DeviceCalls::ReadDirectory(const Notification& call) {
  constexpr uint64_t kMost = 1 << 20;
  const std::optional<CallerIds> ids = place_.IdsOf(call.thread);
  if (!ids || call.arguments[2] > kMost) return Answer::Continue();
  const UniqueFd directory = place_.Share(ids->process, IntArgument(call, 0));
  struct stat found {};
  if (!directory || fstat(directory.get(), &found) != 0 ||
      !S_ISDIR(found.st_mode)) {
    return Answer::Continue();
  }
  std::vector<char> entries(call.arguments[2]);
  const long size = syscall(SYS_getdents64, directory.get(), entries.data(),
                            static_cast<unsigned>(entries.size()));
  if (size < 0) return -errno;
  const auto end = static_cast<size_t>(size);
  for (size_t at = 0; at < end;) {
    dirent64 entry = {};
    std::memcpy(&entry, &entries[at], offsetof(dirent64, d_name));
    if (entry.d_type == DT_REG) {
      if (uint32_t type = devices_.TypeOf(found.st_dev, entry.d_ino)) {
        entries[at + offsetof(dirent64, d_type)] =
            static_cast<char>(IFTODT(type));
      }
    }
    at += entry.d_reclen;
  }
  if (int failed =
          WriteMemory(call.thread, call.arguments[1], entries.data(), end)) {
    return failed;
  }
  return size;
}

}  // namespace strake::builder::sandbox::notify
