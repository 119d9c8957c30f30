#include "builder/sandbox/mount_api.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "util/result_macros.h"

// <sys/mount.h> and <linux/mount.h> exclude each other in glibc 2.36, and the
// C library's wrappers are younger than the kernel's calls: hence syscall(2).

namespace strake::builder::sandbox {
namespace {

int FsConfig(int fs, unsigned command, const char* key, const char* value) {
  return static_cast<int>(syscall(SYS_fsconfig, fs, command, key, value, 0));
}

// What the file system itself says about a failure ("bad value for 'size'").
std::string KernelLog(int fs) {
  char text[256];
  const ssize_t n = read(fs, text, sizeof(text));
  if (n <= 2) return "";
  return " (" + std::string(text + 2, static_cast<size_t>(n - 2)) + ")";
}

Error MountError(const char* type, const std::string& step, int fs) {
  const int error = errno;
  const std::string log = fs >= 0 ? KernelLog(fs) : "";
  return IoError("mount a new " + std::string(type) + ": " +
                 ErrnoError(step, error).message() + log);
}

unsigned AttributesOf(const MountFlags& flags) {
  return (flags.read_only ? MOUNT_ATTR_RDONLY : 0U) |
         (flags.nosuid ? MOUNT_ATTR_NOSUID : 0U) |
         (flags.nodev ? MOUNT_ATTR_NODEV : 0U) |
         (flags.noexec ? MOUNT_ATTR_NOEXEC : 0U);
}

int SetAttributes(int mount, const mount_attr& attributes) {
  return static_cast<int>(syscall(SYS_mount_setattr, mount, "",
                                  AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                                  sizeof(attributes)));
}

std::string PathOf(int fd) {
  return "/proc/thread-self/fd/" + std::to_string(fd);
}

}  // namespace

Result<UniqueFd> NewMount(const char* type,
                          const std::vector<MountOption>& options,
                          const MountFlags& flags, int* refused) {
  int ignored = 0;
  int& error = refused != nullptr ? *refused : ignored;
  error = 0;
  UniqueFd fs(static_cast<int>(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)));
  if (!fs) {
    error = errno;
    return MountError(type, "fsopen", -1);
  }
  // What mount(8) and df(1) show; nothing else depends on it.
  FsConfig(fs.get(), FSCONFIG_SET_STRING, "source", type);
  for (const MountOption& option : options) {
    const bool flag = option.value.empty();
    if (FsConfig(fs.get(), flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING,
                 option.key, flag ? nullptr : option.value.c_str()) != 0) {
      error = errno;
      return MountError(type, std::string("option ") + option.key, fs.get());
    }
  }
  if (FsConfig(fs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr) != 0) {
    error = errno;
    return MountError(type, "fsconfig", fs.get());
  }
  UniqueFd mount(static_cast<int>(
      syscall(SYS_fsmount, fs.get(), FSMOUNT_CLOEXEC, AttributesOf(flags))));
  if (!mount) {
    error = errno;
    return MountError(type, "fsmount", fs.get());
  }
  return mount;
}

Result<UniqueFd> CloneTree(int directory, const std::string& path) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE;
  if (path.empty()) flags |= AT_EMPTY_PATH;
  UniqueFd mount(
      static_cast<int>(syscall(SYS_open_tree, directory, path.c_str(), flags)));
  if (!mount) {
    return ErrnoError("open_tree(OPEN_TREE_CLONE) of \"" + path + "\"");
  }
  return mount;
}

Status AttachMount(int mount, int target, const std::string& what) {
  if (syscall(SYS_move_mount, mount, "", target, "",
              MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    return IoError(ErrnoError("mount " + what).message());
  }
  return {};
}

Status AttachOverRoot(int mount) {
  if (syscall(SYS_move_mount, mount, "", AT_FDCWD, "/",
              MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return ErrnoError("move_mount to \"/\"");
  }
  return {};
}

Result<ReadOnlyDone> MakeReadOnly(int mount) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (SetAttributes(mount, attributes) == 0) return ReadOnlyDone::kYes;
  // EPERM: a seccomp profile that does not know the call.
  if (errno == ENOSYS || errno == EPERM) return ReadOnlyDone::kAfterAttaching;
  return ErrnoError("mount_setattr(MOUNT_ATTR_RDONLY)");
}

Status MakeAttachedReadOnly(int mount) {
  struct statvfs now {};
  if (fstatvfs(mount, &now) != 0) return ErrnoError("fstatvfs");
  // In a user namespace a flag that the host has set may not be left out.
  unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY;
  if (now.f_flag & ST_NOSUID) flags |= MS_NOSUID;
  if (now.f_flag & ST_NODEV) flags |= MS_NODEV;
  if (now.f_flag & ST_NOEXEC) flags |= MS_NOEXEC;
  if (now.f_flag & ST_NOATIME) flags |= MS_NOATIME;
  if (now.f_flag & ST_NODIRATIME) flags |= MS_NODIRATIME;
  if (now.f_flag & ST_RELATIME) flags |= MS_RELATIME;
  if (syscall(SYS_mount, nullptr, PathOf(mount).c_str(), nullptr, flags,
              nullptr) != 0) {
    return ErrnoError("mount(MS_REMOUNT | MS_BIND | MS_RDONLY)");
  }
  return {};
}

Status MakePrivate(int mount) {
  mount_attr attributes{};
  attributes.propagation = MS_PRIVATE;
  if (SetAttributes(mount, attributes) == 0) return {};
  if (syscall(SYS_mount, nullptr, PathOf(mount).c_str(), nullptr,
              MS_REC | MS_PRIVATE, nullptr) != 0) {
    return ErrnoError("mount(MS_PRIVATE)");
  }
  return {};
}

}  // namespace strake::builder::sandbox
