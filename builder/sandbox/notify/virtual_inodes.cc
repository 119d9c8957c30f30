#include "builder/sandbox/notify/virtual_inodes.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "builder/sandbox/notify/host_path.h"
#include "util/c_handle.h"
#include "util/result_macros.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {
namespace {

using Directory = std::unique_ptr<DIR, FreeWith<closedir>>;

// Calls `visit(path, stat)` for everything below `root`, and for itself.
class TreeVisitor {
 public:
  using Visit = std::function<void(const std::string&, const struct stat&)>;
  TreeVisitor(dev_t device, const Visit& visit)
      : device_(device), visit_(visit) {}

  Status Descend(int parent, const char* name, const std::string& path) const {
    const int fd =
        openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    // Covered by a mount (`CoverMountPoints`), or never entered by the step.
    if (fd < 0 && errno == EACCES) return {};
    if (fd < 0) return ErrnoError("open the directory /" + path);
    Directory directory(fdopendir(fd));
    if (!directory) {
      close(fd);
      return ErrnoError("fdopendir");
    }
    while (const dirent* entry = readdir(directory.get())) {
      const std::string_view child = entry->d_name;
      if (child == "." || child == "..") continue;
      struct stat file {};
      if (fstatat(fd, entry->d_name, &file, AT_SYMLINK_NOFOLLOW) != 0) continue;
      std::string child_path = path;
      if (!path.empty()) child_path += '/';
      child_path += child;
      visit_(child_path, file);
      if (S_ISDIR(file.st_mode) && file.st_dev == device_) {
        RETURN_IF_ERROR(Descend(fd, entry->d_name, child_path));
      }
    }
    return {};
  }

 private:
  dev_t device_;
  const Visit& visit_;
};

}  // namespace

void VirtualInodes::Import(int root, const OwnershipJournal& journal) {
  unreached_ = ImportTree(root, journal);
}

OwnershipJournal VirtualInodes::ImportTree(int top,
                                           const OwnershipJournal& journal) {
  std::unique_lock lock(mutex_);
  OwnershipJournal unreached;
  for (const auto& [path, metadata] : journal.entries()) {
    struct stat file {};
    const bool found = path.empty() ? fstat(top, &file) == 0
                                    : fstatat(top, path.c_str(), &file,
                                              AT_SYMLINK_NOFOLLOW) == 0;
    if (found) {
      Put(KeyOf(file), {.meant = metadata, .disk_mode = file.st_mode});
    } else if (errno != ENOENT && errno != ENOTDIR) {
      unreached.Set(path, metadata);
    }
  }
  return unreached;
}

void VirtualInodes::Set(const InodeKey& key, VirtualMetadata meant) {
  std::unique_lock lock(mutex_);
  Put(key, {.meant = std::move(meant), .disk_mode = std::nullopt});
}

void VirtualInodes::Put(const InodeKey& key, Entry entry) {
  if (S_ISCHR(entry.meant.mode) || S_ISBLK(entry.meant.mode)) {
    has_devices_ = true;
  }
  entries_[key] = std::move(entry);
}

const VirtualInodes::Entry* VirtualInodes::Find(const struct stat& file) const {
  auto found = entries_.find(KeyOf(file));
  if (found == entries_.end()) return nullptr;
  const bool is_its = !found->second.nameless || file.st_nlink == 0;
  return is_its ? &found->second : nullptr;
}

mode_t VirtualInodes::ModeOf(const Entry& entry,
                             const struct stat& file) const {
  const bool changed =
      others_change_ && entry.disk_mode && *entry.disk_mode != file.st_mode;
  if (!changed) return entry.meant.mode;
  return (entry.meant.mode & S_IFMT) | (file.st_mode & 07777);
}

Result<OwnershipJournal> VirtualInodes::Export(int root) const {
  return ExportTree(root, unreached_);
}

Result<OwnershipJournal> VirtualInodes::ExportTree(
    int top, OwnershipJournal unreached) const {
  std::shared_lock lock(mutex_);
  OwnershipJournal journal = std::move(unreached);
  if (entries_.empty()) return journal;
  const auto record = [&](const std::string& path, const struct stat& file) {
    if (Find(file) != nullptr) journal.Set(path, Known(file));
  };
  struct stat itself {};
  if (fstat(top, &itself) != 0) return ErrnoError("fstat of the root");
  record("", itself);
  if (!S_ISDIR(itself.st_mode)) return journal;
  const TreeVisitor::Visit visit = record;
  RETURN_IF_ERROR(TreeVisitor(itself.st_dev, visit).Descend(top, ".", ""));
  return journal;
}

Result<OwnershipJournal> VirtualInodes::Export(int root,
                                               const Changes& changes) const {
  ASSIGN_OR_RETURN(std::optional<OwnershipJournal> journal,
                   ExportChanges(root, changes));
  if (journal) return *std::move(journal);
  return Export(root);
}

Result<std::optional<OwnershipJournal>> VirtualInodes::ExportChanges(
    int root, const Changes& changes) const {
  std::shared_lock lock(mutex_);
  OwnershipJournal journal = unreached_;
  std::unordered_map<InodeKey, nlink_t, InodeKeyHash> missing_names;
  const auto record = [&](const std::string& path, const struct stat& file) {
    if (Find(file) == nullptr || journal.Find(path) != nullptr) return;
    journal.Set(path, Known(file));
    if (S_ISDIR(file.st_mode) || file.st_nlink < 2) return;
    --missing_names.try_emplace(KeyOf(file), file.st_nlink).first->second;
  };
  const auto look = [&](const std::string& path) {
    struct stat file {};
    const int looked =
        path.empty() ? fstat(root, &file)
                     : fstatat(root, path.c_str(), &file, AT_SYMLINK_NOFOLLOW);
    if (looked == 0) record(path, file);
  };
  for (const auto& [path, metadata] : changes.before.entries()) look(path);
  for (const std::string& path : changes.touched) look(path);
  for (const std::string& opened : opened_) {
    if (opened == changes.root_path) look("");
    if (!opened.starts_with(changes.root_path + "/")) continue;
    look(opened.substr(changes.root_path.size() + 1));
  }
  struct stat top {};
  if (fstat(root, &top) != 0) return ErrnoError("fstat of the root");
  const TreeVisitor::Visit visit = record;
  for (const std::string& path : changes.directories) {
    struct stat directory {};
    // It may have been renamed once more, or removed.
    if (fstatat(root, path.c_str(), &directory, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISDIR(directory.st_mode)) {
      continue;
    }
    RETURN_IF_ERROR(
        TreeVisitor(top.st_dev, visit).Descend(root, path.c_str(), path));
  }
  for (const auto& [key, missing] : missing_names) {
    if (missing != 0) return std::optional<OwnershipJournal>();
  }
  return std::optional(std::move(journal));
}

VirtualMetadata VirtualInodes::FromDisk(const struct stat& file) const {
  VirtualMetadata metadata;
  metadata.mode = file.st_mode;
  metadata.uid = IsRootsUid(file.st_uid) ? 0 : file.st_uid;
  metadata.gid = IsRootsGid(file.st_gid) ? 0 : file.st_gid;
  if (S_ISCHR(file.st_mode) || S_ISBLK(file.st_mode)) {
    metadata.rdev = file.st_rdev;
  }
  return metadata;
}

VirtualMetadata VirtualInodes::Known(const struct stat& file) const {
  const Entry* entry = Find(file);
  if (entry == nullptr) return FromDisk(file);
  VirtualMetadata meant = entry->meant;
  meant.mode = ModeOf(*entry, file);
  return meant;
}

void VirtualInodes::Apply(struct stat& file) const {
  std::shared_lock lock(mutex_);
  const Entry* entry = Find(file);
  if (entry == nullptr) {
    if (IsRootsUid(file.st_uid)) file.st_uid = 0;
    if (IsRootsGid(file.st_gid)) file.st_gid = 0;
    return;
  }
  const VirtualMetadata& meant = entry->meant;
  file.st_mode = ModeOf(*entry, file);
  file.st_uid = meant.uid;
  file.st_gid = meant.gid;
  if (S_ISCHR(meant.mode) || S_ISBLK(meant.mode)) file.st_rdev = meant.rdev;
}

std::map<std::string, std::string> VirtualInodes::Xattrs(
    const struct stat& file) const {
  std::shared_lock lock(mutex_);
  const Entry* entry = Find(file);
  if (entry == nullptr) return {};
  return entry->meant.xattrs;
}

bool VirtualInodes::HasXattrs(const struct stat& file) const {
  std::shared_lock lock(mutex_);
  const Entry* entry = Find(file);
  return entry != nullptr && !entry->meant.xattrs.empty();
}

void VirtualInodes::Store(const struct stat& file, VirtualMetadata meant) {
  if (meant == FromDisk(file)) {
    entries_.erase(KeyOf(file));
  } else {
    Put(KeyOf(file), {.meant = std::move(meant),
                      .disk_mode = file.st_mode,
                      .nameless = file.st_nlink == 0});
  }
}

bool VirtualInodes::IsPlain(const struct stat& file) const {
  std::shared_lock lock(mutex_);
  return Find(file) == nullptr;
}

bool VirtualInodes::GivesGroup(const InodeKey& key) const {
  std::shared_lock lock(mutex_);
  auto found = entries_.find(key);
  return found != entries_.end() && (found->second.meant.mode & S_ISGID) != 0;
}

void VirtualInodes::Unlinked(const InodeKey& key) {
  std::unique_lock lock(mutex_);
  auto found = entries_.find(key);
  if (found != entries_.end()) found->second.nameless = true;
}

int VirtualInodes::Link(const struct stat& file,
                        const std::function<int()>& link) {
  {
    std::shared_lock lock(mutex_);
    auto found = entries_.find(KeyOf(file));
    if (found == entries_.end() || !found->second.nameless) return link();
  }
  std::unique_lock lock(mutex_);
  const int failed = link();
  auto found = entries_.find(KeyOf(file));
  if (failed == 0 && found != entries_.end()) found->second.nameless = false;
  return failed;
}

bool VirtualInodes::OpenUp(int fd) {
  std::unique_lock lock(mutex_);
  struct stat file {};
  if (fstat(fd, &file) != 0 || file.st_uid != disk_uid_) return false;
  const mode_t mode = file.st_mode & 07777;
  const mode_t open = mode | (S_ISDIR(file.st_mode) ? 0700 : 0600);
  if (mode == open || S_ISLNK(file.st_mode)) return false;
  VirtualMetadata meant = Known(file);
  if (chmod(HostPath::OwnDescriptor(fd).c_str(), open) != 0) return false;
  if (fstat(fd, &file) != 0) return false;
  Store(file, std::move(meant));
  opened_.insert(HostPath::OwnDescriptor(fd).ReadLink());
  return true;
}

void VirtualInodes::Created(const struct stat& file, VirtualMetadata meant) {
  std::unique_lock lock(mutex_);
  Store(file, std::move(meant));
}

void VirtualInodes::Update(
    const struct stat& file,
    const std::function<void(VirtualMetadata&)>& change) {
  std::unique_lock lock(mutex_);
  VirtualMetadata meant = Known(file);
  change(meant);
  Store(file, std::move(meant));
}

}  // namespace strake::builder::sandbox::notify
