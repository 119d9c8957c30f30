// A supervisor's thread that does a call itself, as the kernel would do it for
// the caller: with its root, its descriptors, its ids, groups, capabilities and
// umask.
//
// All of these belong to a thread as far as the kernel is concerned, once it
// shares its file system state with no other (CLONE_FS). Used by that thread
// alone.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_CALLER_PLACE_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_CALLER_PLACE_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "builder/sandbox/notify/virtual_inodes.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

// What the kernel asks about a thread that makes or looks for a file.
struct CallerIds {
  pid_t process = 0;  // the thread group
  uint32_t fsuid = 0;
  uint32_t fsgid = 0;
  std::vector<uint32_t> groups;
  uint64_t capabilities = 0;  // effective
  mode_t umask = 0;
};

class CallerPlace {
 public:
  // Takes the calling thread, for good. `kIo` where the kernel refuses: the
  // thread is then as it was.
  static Result<CallerPlace> Take();
  CallerPlace(CallerPlace&&) = default;

  // Makes the root directory of `thread` this thread's. 0 or a negative errno.
  int EnterRoot(pid_t thread);
  // Descriptor `fd` of `thread`, or its working directory for AT_FDCWD, as an
  // O_PATH descriptor. None where there is no such.
  UniqueFd Open(pid_t thread, int fd) const;
  // A descriptor that shares its state (the position) with the caller's.
  UniqueFd Share(pid_t process, int fd) const;
  // Opens the file behind an own descriptor anew.
  UniqueFd Reopen(int fd, int flags) const;
  // Nothing where the thread is gone.
  std::optional<CallerIds> IdsOf(pid_t thread) const;

 private:
  friend class AsCaller;
  CallerPlace(UniqueFd proc, uint64_t capabilities)
      : proc_(std::move(proc)), capabilities_(capabilities) {}

  UniqueFd proc_;          // the supervisor's /proc
  uint64_t capabilities_;  // that this thread has
  InodeKey root_;
};

// Has the ids of a caller as long as it exists.
class AsCaller {
 public:
  AsCaller(const CallerPlace& place, const CallerIds& ids);
  AsCaller(const AsCaller&) = delete;
  AsCaller& operator=(const AsCaller&) = delete;
  ~AsCaller();

  // Whether the kernel gave all of them; else nothing may be done.
  bool ok() const { return ok_; }

 private:
  const uint64_t capabilities_;
  mode_t umask_ = 0;
  bool ok_ = false;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_CALLER_PLACE_H_
