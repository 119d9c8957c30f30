#include "builder/sandbox/system_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "builder/sandbox/device_nodes.h"
#include "util/result_macros.h"

namespace strake::builder::sandbox {
namespace {

constexpr uint64_t kDevBytes = uint64_t{64} << 20;
// Docker's default for --shm-size.
constexpr uint64_t kShmBytes = uint64_t{64} << 20;

// Of runtime-spec's masked paths those in /sys: firmware holds ACPI tables,
// powercap a side channel.
constexpr const char* kMaskedSysPaths[] = {"firmware",
                                           "devices/virtual/powercap"};

Status AddDevice(int dev, const DeviceNode& device) {
  if (mknodat(dev, device.name, S_IFCHR | 0666,
              makedev(device.major, device.minor)) == 0) {
    return {};
  }
  if (errno != EPERM) {
    return ErrnoError(std::string("mknod /dev/") + device.name);
  }
  const std::string on_host = std::string("/dev/") + device.name;
  ASSIGN_OR_RETURN(UniqueFd node, CloneTree(AT_FDCWD, on_host));
  ASSIGN_OR_RETURN(UniqueFd made,
                   OpenFileAt(dev, device.name, O_CREAT | O_WRONLY, 0666));
  ASSIGN_OR_RETURN(UniqueFd target, OpenFileAt(dev, device.name, O_PATH));
  return AttachMount(node.get(), target.get(), on_host);
}

// Attaches `mount` on the new directory `name` of `dev`.
Status AttachInDev(int dev, const char* name, int mount) {
  if (mkdirat(dev, name, 0755) != 0) {
    return ErrnoError(std::string("mkdir /dev/") + name);
  }
  ASSIGN_OR_RETURN(UniqueFd target,
                   OpenFileAt(dev, name, O_PATH | O_DIRECTORY));
  return AttachMount(mount, target.get(), std::string("/dev/") + name);
}

Result<UniqueFd> NewDevpts() {
  const MountFlags flags = {.nosuid = true, .noexec = true};
  std::vector<MountOption> options = {
      {"newinstance", ""}, {"ptmxmode", "0666"}, {"mode", "0620"}};
  // Group 5 is "tty" everywhere; a namespace with a single id has no such id.
  options.push_back({"gid", "5"});
  int refused = 0;
  Result<UniqueFd> mount = NewMount("devpts", options, flags, &refused);
  if (refused != EINVAL) return mount;
  options.pop_back();
  return NewMount("devpts", options, flags);
}

Status AddSharedMemory(int dev) {
  const MountFlags flags = {.nosuid = true, .nodev = true, .noexec = true};
  ASSIGN_OR_RETURN(UniqueFd shm, NewTmpfs("1777", kShmBytes, flags));
  RETURN_IF_ERROR(AttachInDev(dev, "shm", shm.get()));
  int refused = 0;
  Result<UniqueFd> queues = NewMount("mqueue", {}, flags, &refused);
  if (refused == ENODEV) return {};  // a kernel without POSIX message queues
  if (!queues) return std::move(queues).error();
  return AttachInDev(dev, "mqueue", queues->get());
}

Status MaskSysPaths(int sys) {
  for (const char* path : kMaskedSysPaths) {
    Result<UniqueFd> target = OpenFileAt(sys, path, O_PATH | O_DIRECTORY);
    if (!target) continue;  // this kernel or machine has none
    ASSIGN_OR_RETURN(UniqueFd empty, NewTmpfs("755", 0,
                                              {.read_only = true,
                                               .nosuid = true,
                                               .nodev = true,
                                               .noexec = true}));
    RETURN_IF_ERROR(AttachMount(empty.get(), target->get(),
                                std::string("over /sys/") + path));
  }
  return {};
}

}  // namespace

Result<UniqueFd> NewTmpfs(const char* mode, uint64_t size_bytes,
                          const MountFlags& flags) {
  std::vector<MountOption> options = {{"mode", mode}};
  if (size_bytes != 0) {
    options.push_back({"size", std::to_string(size_bytes)});
  }
  return NewMount("tmpfs", options, flags);
}

Result<UniqueFd> MountDev(int root, MountStubs& stubs) {
  ASSIGN_OR_RETURN(UniqueFd target,
                   stubs.Open(root, "/dev", MountStubs::Kind::kDirectory));
  ASSIGN_OR_RETURN(UniqueFd dev, NewTmpfs("755", kDevBytes, {.nosuid = true}));
  RETURN_IF_ERROR(AttachMount(dev.get(), target.get(), "/dev"));
  for (const DeviceNode& device : kDeviceNodes) {
    RETURN_IF_ERROR(AddDevice(dev.get(), device));
  }
  for (const DeviceLink& link : kDeviceLinks) {
    RETURN_IF_ERROR(MakeDeviceLink(dev.get(), link));
  }
  RETURN_IF_ERROR(MakeDeviceLink(dev.get(), kPtmxLink));
  ASSIGN_OR_RETURN(UniqueFd terminals, NewDevpts());
  RETURN_IF_ERROR(AttachInDev(dev.get(), "pts", terminals.get()));
  RETURN_IF_ERROR(AddSharedMemory(dev.get()));
  return OpenFileAt(dev.get(), "null", O_PATH);
}

Status MountSys(int root, MountStubs& stubs, bool insecure) {
  ASSIGN_OR_RETURN(UniqueFd target,
                   stubs.Open(root, "/sys", MountStubs::Kind::kDirectory));
  int refused = 0;
  Result<UniqueFd> sys = NewMount(
      "sysfs", {},
      {.read_only = !insecure, .nosuid = true, .nodev = true, .noexec = true},
      &refused);
  ReadOnlyDone read_only = ReadOnlyDone::kYes;
  if (!sys) {
    if (refused != EPERM) return std::move(sys).error();
    sys = CloneTree(AT_FDCWD, "/sys");
    if (!sys) return std::move(sys).error();
    if (!insecure) {
      ASSIGN_OR_RETURN(read_only, MakeReadOnly(sys->get()));
    }
  }
  RETURN_IF_ERROR(AttachMount(sys->get(), target.get(), "/sys"));
  if (insecure) return {};
  if (read_only == ReadOnlyDone::kAfterAttaching) {
    RETURN_IF_ERROR(MakeAttachedReadOnly(sys->get()));
  }
  return MaskSysPaths(sys->get());
}

}  // namespace strake::builder::sandbox
