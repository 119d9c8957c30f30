#include "builder/sandbox/notify/reaper.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "builder/sandbox/channel.h"
#include "builder/sandbox/child.h"
#include "builder/sandbox/kill_descendants.h"
#include "builder/sandbox/notify/listener.h"
#include "builder/sandbox/notify/loader/protocol.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {
namespace {

class FirstProcess {
 public:
  explicit FirstProcess(const ReaperPlan& plan) : plan_(plan) {}

  // In the new process, which shares its descriptors with the reaper: that is
  // how the reaper gets the listener to send it away (sending needs system
  // calls that wait for the listener's owner).
  [[noreturn]] void Run(int ready, int go) const {
    const int listener = Prepare(ready);
    Tell(ready, listener, 0);
    char byte = 0;
    if (read(go, &byte, 1) != 1) _exit(127);
    syscall(SYS_execve, kArenaAddress, plan_.argv, plan_.envp);
    _exit(127);
  }

 private:
  static void Tell(int ready, int32_t value, ChildStep step) {
    const int32_t words[2] = {value, static_cast<int32_t>(step)};
    (void)!write(ready, words, sizeof(words));
  }
  static void Tell(int ready, int32_t value, int step) {
    Tell(ready, value, static_cast<ChildStep>(step));
  }
  [[noreturn]] static void Fail(int ready, ChildStep step, int error) {
    Tell(ready, -error, step);
    _exit(127);
  }

  // The listener, or 0 where there is none.
  int Prepare(int ready) const {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < 3; ++i) {
      if (dup2(plan_.stdio[i], i) < 0) Fail(ready, ChildStep::kStdio, errno);
    }
    if (fchdir(plan_.cwd) != 0) Fail(ready, ChildStep::kEnterCwd, errno);
    umask(plan_.umask);
    // Where strake itself runs under another strake's supervisor, that has put
    // its arena there; what is in it matters no more.
    const auto arena = reinterpret_cast<void*>(kArenaAddress);
    if (mmap(arena, kArenaSize, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != arena) {
      Fail(ready, ChildStep::kExec, errno);
    }
    std::strncpy(static_cast<char*>(arena), plan_.loader_path, kSlotSize - 1);
    ResetSignals();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
      Fail(ready, ChildStep::kSeccomp, errno);
    }
    Install(ready, plan_.denials);
    if (!plan_.listens) {
      Install(ready, plan_.filter);
      return 0;
    }
    const int listener = InstallListener(plan_.filter);
    if (listener < 0) Fail(ready, ChildStep::kSeccomp, -listener);
    return listener;
  }

  static void Install(int ready, std::span<const BpfInstruction> filter) {
    if (filter.empty()) return;
    const int done = InstallFilter(filter, 0);
    if (done < 0) Fail(ready, ChildStep::kSeccomp, -done);
  }

  static void ResetSignals() {
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  const ReaperPlan& plan_;
};

void Send(int socket, ReaperMessage message, int fd = -1) {
  (void)SendPacket(socket, &message, sizeof(message), fd);
}

// The pid of the first process, which waits for `go`; or the end.
pid_t StartFirst(const ReaperPlan& plan, UniqueFd& go) {
  int ready[2];
  int gate[2];
  if (pipe2(ready, O_CLOEXEC) != 0 || pipe2(gate, O_CLOEXEC) != 0) _exit(127);
  const long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr,
                           nullptr, nullptr);
  if (pid == 0) FirstProcess(plan).Run(ready[1], gate[0]);
  if (pid < 0) {
    Send(plan.supervisor, {.kind = ReaperMessage::Kind::kFailed,
                           .step = static_cast<int32_t>(ChildStep::kFork),
                           .error = errno});
    _exit(127);
  }
  int32_t words[2] = {};
  if (read(ready[0], words, sizeof(words)) != sizeof(words)) _exit(127);
  if (words[0] < 0) {
    Send(plan.supervisor, {.kind = ReaperMessage::Kind::kFailed,
                           .step = words[1],
                           .error = -words[0]});
    _exit(127);
  }
  Send(plan.supervisor,
       {.kind = ReaperMessage::Kind::kStarted,
        .process = static_cast<int32_t>(pid)},
       plan.listens ? words[0] : -1);
  if (plan.listens) close(words[0]);
  go.reset(gate[1]);
  return static_cast<pid_t>(pid);
}

}  // namespace

void RunReaper(const ReaperPlan& plan) {
  // SIGTERM: the supervisor is gone.
  sigset_t waited_for;
  sigemptyset(&waited_for);
  sigaddset(&waited_for, SIGCHLD);
  sigaddset(&waited_for, SIGTERM);
  sigprocmask(SIG_SETMASK, &waited_for, nullptr);
  signal(SIGCHLD, SIG_DFL);
  const pid_t supervisor = getppid();
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_NAME, "strake-reaper");
  UniqueFd go;
  const pid_t first = StartFirst(plan, go);
  char byte = 0;
  if (recv(plan.supervisor, &byte, 1, 0) == 1) {
    (void)!write(go.get(), &byte, 1);
  }
  go.reset();
  while (getppid() == supervisor) {
    const int number = sigwaitinfo(&waited_for, nullptr);
    if (number == SIGTERM) break;
    int status = 0;
    pid_t gone = 0;
    bool over = false;
    while ((gone = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
      if (gone != first) continue;
      Send(plan.supervisor,
           {.kind = ReaperMessage::Kind::kExited, .status = status});
      over = true;
    }
    if (over) break;
  }
  KillDescendants();
  _exit(0);
}

}  // namespace strake::builder::sandbox::notify
