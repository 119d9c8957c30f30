// What files are meant to be, where the disk cannot say it: by device and
// inode number while a step runs, so that every name of a file and every
// descriptor of it agrees. `OwnershipJournal` is the same by path.
//
// A file that belongs on disk to the user who runs the step is root's unless
// there is an entry. An entry outlives its file's last name (a descriptor may
// be open yet), but means nothing for the next file with that number: that one
// has a name, or was made through `Created`.
//
// Thread-safe.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_VIRTUAL_INODES_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_VIRTUAL_INODES_H_

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "util/ownership_journal.h"
#include "util/result.h"

namespace strake::builder::sandbox::notify {

struct InodeKey {
  uint64_t device = 0;
  uint64_t inode = 0;
  friend bool operator==(const InodeKey&, const InodeKey&) = default;
};
struct InodeKeyHash {
  size_t operator()(const InodeKey& key) const {
    return static_cast<size_t>(key.inode * 0x9e3779b97f4a7c15ULL ^ key.device);
  }
};
inline InodeKey KeyOf(const struct stat& file) {
  return {file.st_dev, file.st_ino};
}

class VirtualInodes {
 public:
  // The ids that stand for root's on disk.
  VirtualInodes(uint32_t disk_uid, uint32_t disk_gid)
      : disk_uid_(disk_uid), disk_gid_(disk_gid) {}

  // For a user namespace: what belongs to ids outside of it (the host's
  // devices) is root's, too. Before anything else is called.
  void TakeUnmappedForRoot() { unmapped_ = kOverflowId; }
  // Where processes may change a file's mode without `Update`: an entry for a
  // file that has another mode on disk now than when it was made says that
  // mode. Before anything else is called.
  void ExpectOthersChanges() { others_change_ = true; }

  // Fills the table from `journal`, whose paths are relative to the directory
  // `root`. Paths that are not there are skipped; those that cannot be looked
  // at (below covered mount points, or for any other reason) are kept for
  // `Export` as they are.
  void Import(int root, const OwnershipJournal& journal);
  // The same for what is mounted, a directory or a file; what cannot be reached
  // is returned, for `ExportTree`.
  OwnershipJournal ImportTree(int top, const OwnershipJournal& journal);
  // The table by path: an entry for each name below `root` that has one.
  // Directories with another device number are not entered.
  Result<OwnershipJournal> Export(int root) const;
  Result<OwnershipJournal> ExportTree(int top,
                                      OwnershipJournal unreached) const;
  // The same, at the cost of what changed and what was known before.
  struct Changes {
    OwnershipJournal before;            // what was imported
    std::set<std::string> touched;      // paths that may have an entry now
    std::set<std::string> directories;  // those that got another name: the new
    std::string root_path;              // as /proc shows it
  };
  Result<OwnershipJournal> Export(int root, const Changes& changes) const;

  // What the file `key`, which is not in a root, is meant to be.
  void Set(const InodeKey& key, VirtualMetadata meant);

  // Makes `file`, as the kernel gave it, what it is meant to be.
  void Apply(struct stat& file) const;
  // The xattrs the disk does not have.
  std::map<std::string, std::string> Xattrs(const struct stat& file) const;
  bool HasXattrs(const struct stat& file) const;

  // `file` was just made and is meant to be `meant`; whatever was known of an
  // earlier file with its number is forgotten.
  //   file  as the kernel gives it
  void Created(const struct stat& file, VirtualMetadata meant);
  // Changes what `file` is meant to be. An entry that says what the disk says
  // is dropped.
  void Update(const struct stat& file,
              const std::function<void(VirtualMetadata&)>& change);

  // Whether it belongs on disk to the user who runs the step.
  bool IsUsers(const struct stat& file) const {
    return file.st_uid == disk_uid_ && file.st_gid == disk_gid_;
  }
  // Whether there is no entry for `file`: it is what the disk says.
  bool IsPlain(const struct stat& file) const;
  // Whether what is made in the directory `key` gets its group.
  bool GivesGroup(const InodeKey& key) const;
  // The file, which was looked at before, has lost its last name.
  void Unlinked(const InodeKey& key);
  // Calls `link`, which may give `file`, which has no name, its first one.
  int Link(const struct stat& file, const std::function<int()>& link);

  // Gives the user who runs the step access on disk to the file `fd` (O_PATH)
  // that it owns and locked itself out of; its mode as seen stays. False where
  // there is nothing to give.
  bool OpenUp(int fd);

  // Whether a file is, or was, meant to be a device.
  bool has_devices() const { return has_devices_; }

  uint32_t disk_uid() const { return disk_uid_; }

 private:
  static constexpr uint32_t kOverflowId = 65534;  // sysctl kernel.overflowuid

  bool IsRootsUid(uint32_t uid) const {
    return uid == disk_uid_ || uid == unmapped_;
  }
  bool IsRootsGid(uint32_t gid) const {
    return gid == disk_gid_ || gid == unmapped_;
  }
  VirtualMetadata FromDisk(const struct stat& file) const;
  struct Entry {
    VirtualMetadata meant;
    std::optional<mode_t> disk_mode;  // when it was made
    bool nameless = false;            // for a file that has no name
  };

  // REQUIRES for these: `mutex_` is held.
  // Null: there is none, or it is for an earlier file.
  const Entry* Find(const struct stat& file) const;
  mode_t ModeOf(const Entry& entry, const struct stat& file) const;
  // The entry, or else what the disk says.
  VirtualMetadata Known(const struct stat& file) const;
  void Store(const struct stat& file, VirtualMetadata meant);
  void Put(const InodeKey& key, Entry entry);

  // Nothing where names are missing.
  Result<std::optional<OwnershipJournal>> ExportChanges(
      int root, const Changes& changes) const;

  const uint32_t disk_uid_;
  const uint32_t disk_gid_;
  std::optional<uint32_t> unmapped_;
  bool others_change_ = false;
  std::atomic<bool> has_devices_ = false;
  mutable std::shared_mutex mutex_;
  std::unordered_map<InodeKey, Entry, InodeKeyHash> entries_;
  OwnershipJournal unreached_;
  std::set<std::string> opened_;  // what `OpenUp` changed, as /proc shows it
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_VIRTUAL_INODES_H_
