#include "builder/sandbox/notify/virtual_devices.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "util/result_macros.h"
#include "util/tree_walk.h"

namespace strake::builder::sandbox::notify {
namespace {

// `path` below `top`, on the same mount, or `top` itself.
UniqueFd OpenBelow(int top, const std::string& path) {
  if (path.empty()) return UniqueFd(fcntl(top, F_DUPFD_CLOEXEC, 0));
  open_how how = {};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  return UniqueFd(static_cast<int>(
      syscall(SYS_openat2, top, path.c_str(), &how, sizeof(how))));
}

InodeKey KeyOf(const struct statx& file) {
  return {makedev(file.stx_dev_major, file.stx_dev_minor), file.stx_ino};
}

}  // namespace

std::vector<std::string> VirtualDevices::Import(
    int top, const OwnershipJournal& journal) {
  std::vector<std::string> unreached;
  for (const auto& [path, metadata] : journal.entries()) {
    if (!IsDevice(metadata.mode)) continue;
    UniqueFd fd = OpenBelow(top, path);
    if (!fd && (errno == ENOENT || errno == ENOTDIR)) continue;
    if (!fd || !Hold(std::move(fd), metadata)) unreached.push_back(path);
  }
  return unreached;
}

Status VirtualDevices::Add(UniqueFd fd, uint32_t mode, uint64_t rdev) {
  VirtualMetadata meant;
  meant.mode = mode;
  meant.rdev = rdev;
  struct stat file {};
  if (fstat(fd.get(), &file) != 0) return ErrnoError("fstat");
  meant.mode = (mode & S_IFMT) | (file.st_mode & 07777);
  meant.uid = file.st_uid;
  meant.gid = file.st_gid;
  return Hold(std::move(fd), std::move(meant));
}

Status VirtualDevices::Hold(UniqueFd fd, VirtualMetadata meant) {
  struct stat file {};
  if (fstat(fd.get(), &file) != 0) return ErrnoError("fstat");
  if (!S_ISREG(file.st_mode)) return {};  // something else by now
  has_links_ = has_links_ || file.st_nlink > 1;
  by_key_[notify::KeyOf(file)] = devices_.size();
  Device device;
  device.fd = std::move(fd);
  device.meant = std::move(meant);
  device.mode = file.st_mode;
  device.uid = file.st_uid;
  device.gid = file.st_gid;
  devices_.push_back(std::move(device));
  return {};
}

VirtualMetadata VirtualDevices::Now(const Device& device, uint32_t mode,
                                    uint32_t uid, uint32_t gid) {
  VirtualMetadata now = device.meant;
  if (mode != device.mode) now.mode = (now.mode & S_IFMT) | (mode & 07777);
  if (uid != device.uid) now.uid = uid;
  if (gid != device.gid) now.gid = gid;
  return now;
}

const VirtualDevices::Device* VirtualDevices::Find(const struct stat& file) {
  if (!S_ISREG(file.st_mode)) return nullptr;
  const InodeKey key = notify::KeyOf(file);
  auto found = by_key_.find(key);
  if (found != by_key_.end()) return &devices_[found->second];
  if (!has_links_ || file.st_size != 0) return nullptr;
  for (size_t i = 0; i < devices_.size(); ++i) {
    struct stat now {};
    if (fstat(devices_[i].fd.get(), &now) == 0 && notify::KeyOf(now) == key) {
      by_key_[key] = i;
      return &devices_[i];
    }
  }
  return nullptr;
}

bool VirtualDevices::Apply(struct stat& file) {
  const Device* device = Find(file);
  if (device == nullptr) return false;
  const VirtualMetadata now =
      Now(*device, file.st_mode, file.st_uid, file.st_gid);
  file.st_mode = now.mode;
  file.st_uid = now.uid;
  file.st_gid = now.gid;
  file.st_rdev = now.rdev;
  return true;
}

uint32_t VirtualDevices::TypeOf(uint64_t device, uint64_t inode) const {
  auto found = by_key_.find({device, inode});
  return found == by_key_.end() ? 0
                                : devices_[found->second].meant.mode & S_IFMT;
}

Status VirtualDevices::Export(int root,
                              const std::vector<std::string>& unreached,
                              OwnershipJournal& journal) const {
  const OwnershipJournal before = journal;
  for (const auto& [path, metadata] : before.entries()) {
    const bool kept = !IsDevice(metadata.mode) ||
                      std::ranges::find(unreached, path) != unreached.end();
    if (!kept) journal.Remove(path);
  }
  if (devices_.empty()) return {};
  // Numbers may have changed (see `has_links_`).
  std::unordered_map<InodeKey, const Device*, InodeKeyHash> by_key;
  for (const Device& device : devices_) {
    struct stat file {};
    if (fstat(device.fd.get(), &file) == 0) {
      by_key[notify::KeyOf(file)] = &device;
    }
  }
  return WalkTree(root, {}, [&](const TreeEntry& entry) -> Result<TreeStep> {
    auto found = by_key.find(KeyOf(*entry.stat));
    if (found != by_key.end() && S_ISREG(entry.stat->stx_mode)) {
      journal.Set(entry.path, Now(*found->second, entry.stat->stx_mode,
                                  entry.stat->stx_uid, entry.stat->stx_gid));
    }
    return TreeStep::kContinue;
  });
}

}  // namespace strake::builder::sandbox::notify
