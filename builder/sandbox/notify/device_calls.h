// Answers to the system calls that make devices, look at them and open them,
// where the kernel does everything else.
//
// A device is made as an empty file in its place, by the kernel and as the
// caller (`CallerPlace`): where it may be, whose it is and which mode it gets
// needs no rule of ours. Looking at files is left to the kernel, too, unless
// what is there stands for a device.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_DEVICE_CALLS_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_DEVICE_CALLS_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/sandbox/notify/caller_place.h"
#include "builder/sandbox/notify/listener.h"
#include "builder/sandbox/notify/request.h"
#include "builder/sandbox/notify/virtual_devices.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

// Used by one thread, `place`'s.
class DeviceCalls {
 public:
  // What becomes of a device that was made.
  enum class Made {
    kKept,   // it stays, and is known from now on
    kTaken,  // it is removed again: nobody answers for what looks at it
  };
  //   root  the root directory of the step; what is on its mount or in a tmpfs
  //         can be a device. All are borrowed.
  DeviceCalls(int root, Made made, Listener& listener, VirtualDevices& devices,
              CallerPlace& place);

  // Answers `call`, but for `Made::kTaken` where a device could be made: then
  // true, and the caller waits.
  bool Handle(const Notification& call);

 private:
  // A path argument, where it leads.
  struct Target {
    UniqueFd directory;
    int base = AT_FDCWD;
    std::string path;
    int flags = 0;  // AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH
  };
  // The arguments of a call to open a file.
  struct Opening {
    int directory = AT_FDCWD;
    uint64_t path = 0;
    uint64_t flags = 0;
  };

  Answer Find(const Notification& call);
  bool FindTarget(const Notification& call, int directory, uint64_t path,
                  int flags, Target& target);
  // The device that the file there stands for, as this thread sees it; nothing
  // where it stands for none.
  std::optional<struct stat> DeviceAt(const Target& target);

  Answer Make(const Notification& call, int directory, uint64_t path,
              uint64_t mode, uint64_t rdev);
  Answer Keep(const Target& target, uint32_t mode, uint64_t rdev);
  bool CanHold(int file) const;
  Answer Stat(const Notification& call, int directory, uint64_t path,
              uint64_t buffer, int flags);
  Answer Statx(const Notification& call);
  Answer Open(const Notification& call, const Opening& opening);
  Answer OpenDevice(const Notification& call, uint64_t rdev, uint64_t flags);
  Answer Truncate(const Notification& call);
  Answer ReadDirectory(const Notification& call);

  const uint64_t root_mount_;
  const Made made_;
  Listener& listener_;
  VirtualDevices& devices_;
  CallerPlace& place_;
  std::vector<std::pair<uint64_t, UniqueFd>> known_;  // by number
  bool was_made_ = false;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_DEVICE_CALLS_H_
