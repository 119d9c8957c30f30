// Devices that the kernel lets nobody make: empty files in their place, which
// are told from others by device and inode number while a step runs.
//
// Owners, modes, names and times are the stand-in's own and the kernel's
// business; only type and number of the device are known here. Each file is
// held open, so that no other gets its number while the step runs.
//
// Not thread-safe.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_VIRTUAL_DEVICES_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_VIRTUAL_DEVICES_H_

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "builder/sandbox/notify/virtual_inodes.h"
#include "util/ownership_journal.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

inline bool IsDevice(uint32_t mode) { return S_ISCHR(mode) || S_ISBLK(mode); }

class VirtualDevices {
 public:
  // Takes up the devices of `journal`, whose paths are relative to `top`, a
  // directory or, for the path "", any file. Returns the paths of those that
  // cannot be reached (they are below a mount).
  std::vector<std::string> Import(int top, const OwnershipJournal& journal);

  // The file `fd` (O_PATH), just made, stands for a device.
  //   mode  of the device, with its type
  Status Add(UniqueFd fd, uint32_t mode, uint64_t rdev);

  bool empty() const { return devices_.empty(); }
  // Whether `file`, as the kernel gives it, stands for a device; makes it that.
  bool Apply(struct stat& file);
  // The same for a number from a directory: the type, as of st_mode, or 0.
  uint32_t TypeOf(uint64_t device, uint64_t inode) const;

  // Makes `journal`, which was imported from the directory `root`, true: an
  // entry for each name that a device has there now, and for no other. What it
  // says of other files, and of the `unreached`, stays.
  Status Export(int root, const std::vector<std::string>& unreached,
                OwnershipJournal& journal) const;

 private:
  struct Device {
    UniqueFd fd;
    VirtualMetadata meant;
    // The stand-in's when that was known: what has changed since has changed
    // for the device.
    uint32_t mode = 0;
    uint32_t uid = 0;
    uint32_t gid = 0;
  };

  Status Hold(UniqueFd fd, VirtualMetadata meant);
  const Device* Find(const struct stat& file);
  static VirtualMetadata Now(const Device& device, uint32_t mode, uint32_t uid,
                             uint32_t gid);

  std::vector<Device> devices_;
  std::unordered_map<InodeKey, size_t, InodeKeyHash> by_key_;
  // An overlay gives a file with several names another number when one of them
  // is changed.
  bool has_links_ = false;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_VIRTUAL_DEVICES_H_
