// The child of one `Run`, from clone(2) to its last report.

#ifndef STRAKE_BUILDER_SANDBOX_CHILD_PROCESS_H_
#define STRAKE_BUILDER_SANDBOX_CHILD_PROCESS_H_

#include <sys/types.h>

#include "builder/sandbox/child.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {

// The child is process 1 of a new pid namespace: once it is dead, nothing of
// the namespace is left, and its death cannot be missed (a pidfd). It also dies
// with the thread that started it. Other code's waitpid(-1) and SIGCHLD
// handlers do not see it.
class ChildProcess {
 public:
  // Starts `RunInit(plan)`, or, for a plan with a root directory,
  // `RunReaper(plan)`: that is no process 1, and has to be told to end by
  // closing the channel rather than by `Kill`. The caller closes the child's
  // channel and pipes afterwards, and stays in this thread until the child is
  // gone.
  static Result<ChildProcess> Start(const ChildPlan& plan);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  // Kills and reaps.
  ~ChildProcess();

  int pidfd() const { return pidfd_.get(); }
  // Safe to call from any thread while the object exists.
  void Kill() const;
  // Waits for its end.
  void Reap();

 private:
  ChildProcess(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}

  pid_t pid_ = -1;  // -1: reaped
  UniqueFd pidfd_;
};

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_CHILD_PROCESS_H_
