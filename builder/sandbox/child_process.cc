#include "builder/sandbox/child_process.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace strake::builder::sandbox {

Result<ChildProcess> ChildProcess::Start(const ChildPlan& plan) {
  // No handler of ours may ever run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int pidfd = -1;
  // No exit signal: the child is nobody's business but ours. clone3 would be
  // nicer, but seccomp profiles refuse it.
  const bool reaper = plan.root_directory >= 0;
  const long pid = syscall(SYS_clone, (reaper ? 0 : CLONE_NEWPID) | CLONE_PIDFD,
                           nullptr, &pidfd, nullptr, nullptr);
  const int error = errno;
  if (pid == 0) reaper ? RunReaper(plan) : RunInit(plan);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0)
    return ErrnoError(reaper ? "clone" : "clone(CLONE_NEWPID)", error);
  return ChildProcess(static_cast<pid_t>(pid), pidfd);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  Kill();
  Reap();
}

void ChildProcess::Kill() const {
  syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
}

void ChildProcess::Reap() {
  while (waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace strake::builder::sandbox
