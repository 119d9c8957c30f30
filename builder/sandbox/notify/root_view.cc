#include "builder/sandbox/notify/root_view.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include "builder/sandbox/device_nodes.h"
#include "builder/sandbox/memory_file.h"
#include "builder/sandbox/network.h"
#include "builder/sandbox/notify/host_path.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder::sandbox::notify {
namespace {

Result<struct stat> StatFd(int fd) {
  struct stat file {};
  if (fstat(fd, &file) != 0) return ErrnoError("fstat");
  return file;
}

// The host's own devpts may have been mounted with ptmxmode=000, as it is by
// default; its /dev/ptmx leads there, too, and has a mode of its own.
bool MayOpenPtmxOfPts() {
  struct stat node {};
  return stat("/dev/pts/ptmx", &node) == 0 && (node.st_mode & 0666) == 0666;
}

}  // namespace

Status RootView::Prepare(const ProcessSpec& spec) {
  RETURN_IF_ERROR(AddRoot(spec.root.path));
  RETURN_IF_ERROR(AddHostDirectory("/proc", VirtualMount::Kind::kProc));
  RETURN_IF_ERROR(AddHostDirectory("/sys", VirtualMount::Kind::kSystem));
  RETURN_IF_ERROR(AddDevices());
  Mount hosts;
  hosts.kind = Mount::Kind::kFile;
  hosts.target = "/etc/hosts";
  hosts.content = HostsFile(spec);
  hosts.mode = 0644;
  RETURN_IF_ERROR(AddMount(hosts));
  Mount resolver = hosts;
  resolver.target = "/etc/resolv.conf";
  resolver.content = ResolvConf(spec);
  RETURN_IF_ERROR(AddMount(resolver));
  for (const Mount& mount : spec.mounts) {
    Status added = AddMount(mount);
    if (!added) {
      return std::move(added).error().Wrap("mount at " + mount.target);
    }
  }
  return CoverMountPoints();
}

Status RootView::AddRoot(const std::string& path) {
  VirtualMount root;
  ASSIGN_OR_RETURN(root.fd, OpenFile(path.c_str(), O_PATH | O_DIRECTORY));
  ASSIGN_OR_RETURN(const struct stat file, StatFd(root.fd.get()));
  if (file.st_uid != geteuid()) {
    return Unsupported("the root file system " + path + " belongs to user " +
                       std::to_string(file.st_uid) +
                       "; owners can only be emulated where all files belong "
                       "to the user who builds (" +
                       std::to_string(geteuid()) + ")");
  }
  root.own = true;
  root.point = "/";
  root.host_path = HostPath::OwnDescriptor(root.fd.get()).ReadLink();
  root.top = KeyOf(file);
  mounts_.push_back(std::move(root));
  return {};
}

Status RootView::AddHostDirectory(const char* path, VirtualMount::Kind kind) {
  VirtualMount mount;
  Result<UniqueFd> fd = OpenFile(path, O_PATH | O_DIRECTORY);
  if (!fd) return {};  // a host without it; so is the step
  mount.fd = std::move(fd).value();
  mount.kind = kind;
  return Attach(path, std::move(mount));
}

Status RootView::AddDevices() {
  VirtualMount devices;
  devices.own = true;
  ASSIGN_OR_RETURN(const std::string path, MakeDirectory("dev", 0755));
  ASSIGN_OR_RETURN(devices.fd, OpenFile(path.c_str(), O_PATH | O_DIRECTORY));
  const int directory = devices.fd.get();
  for (const DeviceLink& link : kDeviceLinks) {
    RETURN_IF_ERROR(MakeDeviceLink(directory, link));
  }
  const bool own_ptmx = !MayOpenPtmxOfPts();
  if (!own_ptmx) RETURN_IF_ERROR(MakeDeviceLink(directory, kPtmxLink));
  for (const char* name : {"pts", "shm", "mqueue"}) {
    if (mkdirat(directory, name, 0755) != 0) {
      return ErrnoError("make the directory /dev/" + std::string(name));
    }
  }
  if (fchmodat(directory, "shm", 01777, 0) != 0) {
    return ErrnoError("chmod of /dev/shm");
  }
  RETURN_IF_ERROR(Attach("/dev", std::move(devices)));
  for (const DeviceNode& device : kDeviceNodes) {
    RETURN_IF_ERROR(AddDevice(device.name));
  }
  if (own_ptmx) RETURN_IF_ERROR(AddDevice("ptmx"));
  return AddHostDirectory("/dev/pts", VirtualMount::Kind::kSystem);
}

Status RootView::AddDevice(const std::string& name) {
  const std::string path = "/dev/" + name;
  VirtualMount device;
  Result<UniqueFd> fd = OpenFile(path.c_str(), O_PATH);
  if (!fd) return {};
  ASSIGN_OR_RETURN(const struct stat file, StatFd(fd->get()));
  if (!S_ISCHR(file.st_mode)) return {};
  device.fd = std::move(fd).value();
  device.kind = VirtualMount::Kind::kSystem;
  device.is_directory = false;
  return Attach(path, std::move(device));
}

Status RootView::AddMount(const Mount& mount) {
  VirtualMount made;
  ASSIGN_OR_RETURN(made.fd, OpenSource(mount));
  ASSIGN_OR_RETURN(const struct stat file, StatFd(made.fd.get()));
  made.is_directory = S_ISDIR(file.st_mode);
  made.read_only = mount.read_only;
  made.own = mount.kind == Mount::Kind::kTmpfs;
  return Attach(mount.target, std::move(made));
}

Result<UniqueFd> RootView::OpenSource(const Mount& mount) {
  switch (mount.kind) {
    case Mount::Kind::kFile:
      return MakeFile(mount);
    case Mount::Kind::kTmpfs: {
      ASSIGN_OR_RETURN(
          const std::string path,
          MakeDirectory("tmpfs" + std::to_string(mounts_.size()), 01777));
      return OpenFile(path.c_str(), O_PATH | O_DIRECTORY);
    }
    case Mount::Kind::kBind:
      break;
  }
  if (mount.source_mount_fd >= 0) {
    return Internal("a detached mount where nothing can be mounted");
  }
  if (mount.source_subpath.empty()) {
    return OpenFile(mount.source_path.c_str(), O_PATH);
  }
  ASSIGN_OR_RETURN(UniqueFd base,
                   OpenFile(mount.source_path.c_str(), O_PATH | O_DIRECTORY));
  return OpenInRoot(base.get(), mount.source_subpath, O_PATH);
}

// In memory: a secret never reaches the disk.
Result<UniqueFd> RootView::MakeFile(const Mount& mount) {
  // The name is what tells files in memory apart in /proc.
  ASSIGN_OR_RETURN(UniqueFd file, MakeMemoryFile("strake" + mount.target));
  FdSink sink(file.get());
  RETURN_IF_ERROR(sink.Write(mount.content));
  if (fchmod(file.get(), 0600) != 0) return ErrnoError("fchmod");
  ASSIGN_OR_RETURN(const struct stat made, StatFd(file.get()));
  VirtualMetadata meant;
  meant.mode = S_IFREG | (mount.mode & 07777);
  meant.uid = mount.uid;
  meant.gid = mount.gid;
  meant_.emplace_back(KeyOf(made), std::move(meant));
  return file;
}

Result<std::string> RootView::MakeDirectory(const std::string& name,
                                            mode_t mode) {
  if (!directory_) {
    ASSIGN_OR_RETURN(ScratchDirectory made, ScratchDirectory::Make(scratch_));
    directory_.emplace(std::move(made));
  }
  std::string path = directory_->path() + "/" + name;
  if (mkdir(path.c_str(), 0700) != 0 || chmod(path.c_str(), mode) != 0) {
    return ErrnoError("make the directory " + path);
  }
  return path;
}

Status RootView::Attach(const std::string& target, VirtualMount mount) {
  ASSIGN_OR_RETURN(const std::string resolved,
                   ResolveInRoot(mounts_.front().fd.get(), target));
  mount.point = "/" + resolved;
  // The mount that it is attached in: the innermost so far.
  VirtualMount* below = &mounts_.front();
  for (VirtualMount& other : mounts_) {
    if (other.point != "/" && mount.point.starts_with(other.point + "/") &&
        other.point.size() > below->point.size()) {
      below = &other;
    }
  }
  const std::string inside =
      mount.point.substr(below->point == "/" ? 1 : below->point.size() + 1);
  if (inside.empty()) {
    return InvalidArgument("nothing can be mounted over \"/\"");
  }
  ASSIGN_OR_RETURN(UniqueFd point, OpenPoint(*below, inside, mount));
  ASSIGN_OR_RETURN(const struct stat covered, StatFd(point.get()));
  ASSIGN_OR_RETURN(const struct stat top, StatFd(mount.fd.get()));
  mount.covered = KeyOf(covered);
  mount.top = KeyOf(top);
  mount.host_path = HostPath::OwnDescriptor(mount.fd.get()).ReadLink();
  if (!below->own) {
    below->holds_uncovered = true;
  } else {
    covered_.push_back(
        {.fd = std::move(point), .mode = covered.st_mode & 07777});
  }
  mounts_.push_back(std::move(mount));
  return {};
}

Result<UniqueFd> RootView::OpenPoint(const VirtualMount& below,
                                     const std::string& inside,
                                     const VirtualMount& mount) {
  const int root = below.fd.get();
  if (below.read_only) {
    ASSIGN_OR_RETURN(const std::optional<struct stat> found,
                     StatInRoot(root, inside, FollowLast::kYes));
    if (!found) {
      return IoError("make the mount point " + inside + " in " + below.point +
                     ": " + std::strerror(EROFS));
    }
  }
  return stubs_.Open(root, inside,
                     mount.is_directory ? MountStubs::Kind::kDirectory
                                        : MountStubs::Kind::kFile);
}

// Only once all mounts are in place, as they are found through each other.
Status RootView::CoverMountPoints() {
  for (Covered& covered : covered_) {
    const HostPath path = HostPath::OwnDescriptor(covered.fd.get());
    if (chmod(path.c_str(), 0) != 0) {
      return ErrnoError("chmod of the mount point " + path.ReadLink());
    }
    covered.done = true;
  }
  return {};
}

Status RootView::Restore() {
  Status first;
  for (const Covered& covered : covered_) {
    if (covered.done &&
        chmod(HostPath::OwnDescriptor(covered.fd.get()).c_str(),
              covered.mode) != 0 &&
        first) {
      first = ErrnoError("restore the mode of a mount point");
    }
  }
  covered_.clear();
  Status removed = stubs_.Remove();
  if (!removed && first) first = std::move(removed);
  if (directory_) {
    Status gone = directory_->Remove();
    if (!gone && first) first = std::move(gone);
    directory_.reset();
  }
  return first;
}

}  // namespace strake::builder::sandbox::notify
