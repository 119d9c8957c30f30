#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "builder/sandbox/child.h"
#include "builder/sandbox/child_program.h"
#include "builder/sandbox/kill_descendants.h"

namespace strake::builder::sandbox {
namespace {

class Reaper {
 public:
  explicit Reaper(const ChildPlan& plan) : plan_(plan), child_(plan) {}

  [[noreturn]] void Run() {
    CloseAllBut(plan_.keep, plan_.keep_count);
    child_.BlankTitle();
    setsid();  // away from the terminal's signals
    child_.Check(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0,
                 ChildStep::kSignals);
    child_.AnnounceReady();
    const int children = OpenChildSignals();
    program_ = ForkUntilExec();
    child_.Check(program_ >= 0, ChildStep::kFork);
    if (program_ == 0) child_.Run();
    child_.SendStarted();
    const int channel = plan_.channel;
    const int keep[2] = {channel < children ? channel : children,
                         channel < children ? children : channel};
    CloseAllBut(keep, 2);
    const bool ended = WaitForProgram(children);
    KillDescendants();
    if (ended) child_.SendExit(status_);
    _exit(0);
  }

 private:
  // All signals are blocked already.
  int OpenChildSignals() {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    const int fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    child_.Check(fd >= 0, ChildStep::kSignals);
    return fd;
  }

  // False: the parent is gone or wants an end.
  bool WaitForProgram(int children) {
    pollfd polled[2] = {};
    polled[0].fd = plan_.channel;
    polled[0].events = POLLIN;
    polled[1].fd = children;
    polled[1].events = POLLIN;
    while (true) {
      if (poll(polled, 2, -1) < 0 && errno != EINTR) return false;
      signalfd_siginfo info;
      while (read(children, &info, sizeof(info)) > 0) {
      }
      if (ReapEnded()) return true;
      // Nothing more is ever sent to us: it is the end of the file.
      if (polled[0].revents != 0) return false;
    }
  }

  // Whether the program is among those that have ended.
  bool ReapEnded() {
    while (true) {
      int status = 0;
      const pid_t ended = wait4(-1, &status, __WALL | WNOHANG, nullptr);
      if (ended < 0 && errno == EINTR) continue;
      if (ended <= 0) return false;
      if (ended == program_) {
        status_ = status;
        return true;
      }
    }
  }

  const ChildPlan& plan_;
  ChildProgram child_;
  pid_t program_ = -1;
  int status_ = 0;
};

}  // namespace

void RunReaper(const ChildPlan& plan) { Reaper(plan).Run(); }

}  // namespace strake::builder::sandbox
