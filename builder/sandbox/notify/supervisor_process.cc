#include "builder/sandbox/notify/supervisor_process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace strake::builder::sandbox::notify {

Result<SupervisorProcess> SupervisorProcess::Start(
    const std::function<void()>& run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  const int error = errno;
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // It may have died before that was heard.
    if (getppid() == parent) run();
    _exit(1);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return ErrnoError("fork the supervisor", error);
  SupervisorProcess process(pid);
  process.pidfd_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process.pidfd_) return ErrnoError("pidfd_open");
  return process;
}

SupervisorProcess::SupervisorProcess(SupervisorProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

SupervisorProcess::~SupervisorProcess() {
  if (pid_ < 0) return;
  Kill();
  Reap();
}

void SupervisorProcess::Kill() const { kill(pid_, SIGKILL); }

bool SupervisorProcess::Reap() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace strake::builder::sandbox::notify
