// The kernel's side of seccomp user notification (seccomp_unotify(2)).

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_LISTENER_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_LISTENER_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "builder/sandbox/seccomp_filter.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

// A system call that waits for its answer.
struct Notification {
  uint64_t id = 0;
  pid_t thread = 0;
  int number = 0;
  uint64_t arguments[6] = {};
};

// Installs `filter` in the calling thread (and what it starts) with a listener;
// a call that is answered can only be interrupted by a deadly signal. Returns
// the listener's descriptor, or a negative errno. System calls only.
int InstallListener(std::span<const BpfInstruction> filter);

// Safe to use from several threads at once. All functions but `Receive` return
// 0, a descriptor or a negative errno: -ENOENT if the caller is gone.
class Listener {
 public:
  explicit Listener(UniqueFd fd);

  // Waits for the next call; nothing once there is nobody left to make one.
  std::optional<Notification> Receive() const;

  // Answers with a value or a negative errno.
  int Send(uint64_t id, int64_t answer) const;
  // Lets the kernel execute the call as it stands.
  int Continue(uint64_t id) const;
  // Answers with a new descriptor for the open file `fd`.
  int SendDescriptor(uint64_t id, int fd, bool close_on_exec) const;
  // Gives the caller a descriptor (O_CLOEXEC) without answering; its number.
  int AddDescriptor(uint64_t id, int fd) const;
  // Whether the caller still waits.
  bool IsValid(uint64_t id) const;

  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_LISTENER_H_
