// The process of a supervisor, as its parent has it.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_SUPERVISOR_PROCESS_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_SUPERVISOR_PROCESS_H_

#include <sys/types.h>

#include <functional>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

class SupervisorProcess {
 public:
  // Forks; the child calls `run`, which never returns, with all signals
  // blocked.
  static Result<SupervisorProcess> Start(const std::function<void()>& run);

  SupervisorProcess(SupervisorProcess&& other) noexcept;
  SupervisorProcess& operator=(SupervisorProcess&&) = delete;
  // Kills and reaps.
  ~SupervisorProcess();

  int pidfd() const { return pidfd_.get(); }
  void Kill() const;
  // Waits for its end; whether it exited with 0.
  bool Reap();

 private:
  explicit SupervisorProcess(pid_t pid) : pid_(pid) {}

  pid_t pid_;  // -1: reaped
  UniqueFd pidfd_;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_SUPERVISOR_PROCESS_H_
