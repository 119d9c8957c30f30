#include "builder/sandbox/notify/mount_table.h"

#include <algorithm>
#include <utility>

#include "util/strings.h"

namespace strake::builder::sandbox::notify {
namespace {

// As /proc names what memfd_create(2) made.
constexpr std::string_view kFileInMemory = "/memfd:";

// Whether `path` is `prefix` or below it; both absolute.
bool IsWithin(std::string_view path, std::string_view prefix) {
  if (prefix == "/") return path.starts_with('/');
  return path.starts_with(prefix) &&
         (path.size() == prefix.size() || path[prefix.size()] == '/');
}

std::string_view WithoutSlashes(std::string_view path) {
  const size_t begin = path.find_first_not_of('/');
  return begin == std::string_view::npos ? std::string_view()
                                         : path.substr(begin);
}

}  // namespace

MountTable::MountTable(std::vector<VirtualMount> mounts, KnownTo known_to)
    : mounts_(std::move(mounts)), known_to_(known_to) {
  for (size_t i = 1; i < mounts_.size(); ++i) {
    const VirtualMount& mount = mounts_[i];
    covered_[mount.covered] = &mount;
    names_.insert(mount.point.substr(mount.point.rfind('/') + 1));
  }
}

const VirtualMount& MountTable::Match(std::string_view path,
                                      std::string_view& below) const {
  const VirtualMount* best = &mounts_.front();
  for (const VirtualMount& mount : mounts_) {
    if (mount.point.size() >= best->point.size() &&
        IsWithin(path, mount.point)) {
      best = &mount;
    }
  }
  below =
      WithoutSlashes(path.substr(best->point == "/" ? 1 : best->point.size()));
  return *best;
}

const VirtualMount* MountTable::Covering(const InodeKey& key) const {
  auto found = covered_.find(key);
  return found == covered_.end() ? nullptr : found->second;
}

bool MountTable::HasMountName(std::string_view path) const {
  return std::ranges::any_of(Split(path, '/'), [this](std::string_view name) {
    return IsMountName(name);
  });
}

bool MountTable::IsTop(const InodeKey& key) const {
  return std::any_of(
      mounts_.begin(), mounts_.end(),
      [&](const VirtualMount& mount) { return mount.top == key; });
}

const VirtualMount* MountTable::MountOfHostPath(
    std::string_view host_path) const {
  const VirtualMount* best = nullptr;
  if (in_kernel() && host_path.starts_with(kFileInMemory)) return best;
  for (const VirtualMount& mount : mounts_) {
    if (mount.host_path.empty() || !IsWithin(host_path, mount.host_path)) {
      continue;
    }
    if (best == nullptr || mount.host_path.size() >= best->host_path.size()) {
      best = &mount;
    }
  }
  return best;
}

std::string MountTable::VirtualPath(std::string_view host_path) const {
  const VirtualMount* mount = MountOfHostPath(host_path);
  if (mount == nullptr) return {};
  std::string path = mount->point == "/" ? "" : mount->point;
  path +=
      host_path.substr(mount->host_path == "/" ? 0 : mount->host_path.size());
  return path.empty() ? "/" : path;
}

}  // namespace strake::builder::sandbox::notify
