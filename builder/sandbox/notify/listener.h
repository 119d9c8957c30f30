// The kernel's side of seccomp user notification (seccomp_unotify(2)).

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_LISTENER_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_LISTENER_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "builder/sandbox/bpf_program.h"
#include "builder/sandbox/notify/transport.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

// Installs `filter` in the calling thread (and what it starts) with a listener;
// a call that is answered can only be interrupted by a deadly signal. Returns
// the listener's descriptor, or a negative errno. System calls only.
int InstallListener(std::span<const BpfInstruction> filter);

// Safe to use from several threads at once.
class Listener final : public Transport {
 public:
  explicit Listener(UniqueFd fd);

  // Waits for the next call; nothing once there is nobody left to make one.
  std::optional<Notification> Receive() const;

  int Send(const Notification& call, int64_t answer) override;
  int Continue(const Notification& call) override;
  int SendDescriptor(const Notification& call, UniqueFd fd, bool close_on_exec,
                     Close close) override;
  int AddDescriptor(const Notification& call, int fd) override;
  int CallInTracee(const Notification& call, const RewrittenCall& instead,
                   int64_t& result, const Afterwards& afterwards) override;
  int SendToCall(const Notification& call,
                 const RewrittenCall& instead) override;
  std::optional<Label> LabelOf(pid_t thread) override;
  void SetLabel(pid_t thread, const Label& label) override;

  // Whether the caller still waits.
  bool IsValid(uint64_t id) const;

  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_LISTENER_H_
