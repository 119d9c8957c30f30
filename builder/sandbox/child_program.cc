#include "builder/sandbox/child_program.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "builder/sandbox/channel.h"
#include "builder/sandbox/notify/listener.h"
#include "util/descriptor_limit.h"

namespace strake::builder::sandbox {
namespace {

constexpr int kFirstFree = 3;  // behind stdin, stdout and stderr

}  // namespace

pid_t RawFork() {
  return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

// The child has memory of its own (no CLONE_VM), so it may do what it likes.
pid_t ForkUntilExec() {
  return static_cast<pid_t>(
      syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0));
}

void CloseAllBut(const int* keep, size_t count) {
  unsigned first = 0;
  for (size_t i = 0; i <= count; ++i) {
    const unsigned next = i < count ? static_cast<unsigned>(keep[i]) : ~0U;
    if (next > first &&
        syscall(SYS_close_range, first, i < count ? next - 1 : ~0U, 0) != 0) {
      // Linux 5.8 and older, or a seccomp profile from before.
      rlimit limit{};
      getrlimit(RLIMIT_NOFILE, &limit);
      const rlim_t most = limit.rlim_cur < 65536 ? limit.rlim_cur : 65536;
      for (unsigned fd = first; fd < next && fd < most; ++fd) {
        close(static_cast<int>(fd));
      }
    }
    first = next + 1;
  }
}

void ChildProgram::Send(const ChildReport& report) {
  while (send(channel_, &report, sizeof(report), MSG_NOSIGNAL) < 0 &&
         errno == EINTR) {
  }
}

void ChildProgram::Fail(ChildStep step, int index) {
  ChildReport report;
  report.kind = ChildReport::Kind::kFailed;
  report.step = step;
  report.error = errno;
  report.index = index;
  Send(report);
  _exit(127);
}

void ChildProgram::SendStarted() {
  ChildReport report;
  report.kind = ChildReport::Kind::kStarted;
  Send(report);
}

void ChildProgram::SendExit(int status) { Send(ExitReport(status)); }

void ChildProgram::AnnounceReady() {
  Send(ChildReport{});
  char alive = 0;
  ssize_t n = 0;
  do {
    n = recv(channel_, &alive, 1, 0);
  } while (n < 0 && errno == EINTR);
  if (n != 1) _exit(127);
}

void ChildProgram::BlankTitle() {
  constexpr char kName[] = "strake-init";
  prctl(PR_SET_NAME, kName, 0, 0, 0);
  // Not memset: a sanitizer would check a range that is not its own.
  volatile char* title = plan_.title;
  for (size_t i = 0; i < plan_.title_size; ++i) {
    title[i] = i < sizeof(kName) ? kName[i] : '\0';
  }
}

void ChildProgram::SetUpStdio() {
  int high[3];
  // First all of them out of the way: one may be where another belongs.
  for (int i = 0; i < 3; ++i) {
    high[i] = fcntl(plan_.stdio[i], F_DUPFD_CLOEXEC, kFirstFree);
    Check(high[i] >= 0, ChildStep::kStdio, i);
  }
  channel_ = fcntl(channel_, F_DUPFD_CLOEXEC, kFirstFree);
  for (int i = 0; i < 3; ++i) {
    Check(dup2(high[i], i) == i, ChildStep::kStdio, i);
  }
}

void ChildProgram::ResetSignals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) {
    sigaction(signal, &action, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The order is forced: a filter without no_new_privs needs CAP_SYS_ADMIN,
// groups and ids need CAP_SETGID and CAP_SETUID, and setresuid(2) to anybody
// but 0 clears what capset(2) has left.
void ChildProgram::TakeIdentity() {
  if (plan_.filter_length != 0) {
    // SPEC_ALLOW: without it, kernels before 5.16 slow the process down.
    const int done = InstallFilter({plan_.filter, plan_.filter_length},
                                   SECCOMP_FILTER_FLAG_SPEC_ALLOW);
    errno = done < 0 ? -done : 0;
    Check(done >= 0, ChildStep::kSeccomp);
  }
  for (int cap = 0; cap < 64; ++cap) {
    if ((plan_.capabilities >> cap) & 1) continue;
    if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 1) continue;
    Check(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0, ChildStep::kDropBounding,
          cap);
  }
  const bool is_root = plan_.uid == 0 && plan_.gid == 0;
  if (syscall(SYS_setgroups, plan_.group_count, plan_.groups) != 0) {
    // A namespace with a single id forbids it. Root loses nothing by that: its
    // capabilities open whatever a group would.
    Check(is_root && errno == EPERM, ChildStep::kSetGroups);
  }
  Check(syscall(SYS_setresgid, plan_.gid, plan_.gid, plan_.gid) == 0,
        ChildStep::kSetGid);
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  __user_cap_data_struct data[2] = {};
  for (int i = 0; i < 2; ++i) {
    data[i].effective = data[i].permitted =
        static_cast<uint32_t>(plan_.capabilities >> (32 * i));
  }
  Check(syscall(SYS_capset, &header, data) == 0, ChildStep::kSetCapabilities);
  Check(syscall(SYS_setresuid, plan_.uid, plan_.uid, plan_.uid) == 0,
        ChildStep::kSetUid);
}

// Last, as the calls above are not to be answered by somebody else.
void ChildProgram::SendListener() {
  if (plan_.listener_socket < 0 || plan_.listener_first) return;
  Check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, ChildStep::kListener);
  const int listener =
      notify::InstallListener({plan_.answered, plan_.answered_length});
  errno = listener < 0 ? -listener : 0;
  Check(listener >= 0, ChildStep::kListener);
  Check(SendPacket(plan_.listener_socket, "", 1, listener),
        ChildStep::kListener);
  // While somebody holds it, calls wait, even where the supervisor is dead.
  close(listener);
}

// While there is CAP_SYS_ADMIN, so that su and sudo go on working.
void ChildProgram::SendListenerFirst() {
  if (plan_.listener_socket < 0 || !plan_.listener_first) return;
  const int listener =
      notify::InstallListener({plan_.answered, plan_.answered_length});
  if (listener < 0) return;
  Check(SendPacket(plan_.listener_socket, "", 1, listener),
        ChildStep::kListener);
  close(listener);
}

// As execvp(3): a program that may not be executed does not end the search, but
// is what the search then fails with.
void ChildProgram::Execute() {
  int error = ENOENT;
  int index = 0;
  for (size_t i = 0; i < plan_.candidate_count; ++i) {
    const char* path = plan_.candidates[i];
    execve(path, plan_.argv, plan_.envp);
    const int refused = errno;
    if (refused == ENOENT || refused == ENOTDIR) {
      struct stat found {};
      if (refused == ENOENT && stat(path, &found) == 0) {
        errno = refused;
        Fail(ChildStep::kExecInterpreter, static_cast<int>(i));
      }
      continue;
    }
    error = refused;
    index = static_cast<int>(i);
    if (refused != EACCES) break;
  }
  errno = error;
  Fail(ChildStep::kExec, index);
}

void ChildProgram::EnterRoot() {
  if (plan_.root_directory < 0) return;
  // While /proc is still in sight: the kernel shall rather end the step than
  // its supervisor where memory runs out.
  const int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score >= 0) {
    (void)!write(score, "500", 3);
    close(score);
  }
  Check(fchdir(plan_.root_directory) == 0 && chroot(".") == 0,
        ChildStep::kChroot);
}

void ChildProgram::Run() {
  SetUpStdio();
  Check(setsid() >= 0, ChildStep::kSession);
  ResetSignals();
  umask(0022);
  EnterRoot();
  Check(chdir(plan_.cwd) == 0, ChildStep::kEnterCwd);
  if (plan_.user_namespace >= 0) {
    Check(setns(plan_.user_namespace, CLONE_NEWUSER) == 0,
          ChildStep::kJoinUserNamespace);
  }
  const int socket = plan_.listener_socket;
  const int keep[] = {0, 1, 2,
                      socket < 0 ? channel_ : std::min(channel_, socket),
                      std::max(channel_, socket)};
  CloseAllBut(keep, socket < 0 ? 4 : 5);
  RestoreDescriptorLimit();
  SendListenerFirst();
  TakeIdentity();
  SendListener();
  Execute();
}

const char* ChildStepText(ChildStep step) {
  switch (step) {
    case ChildStep::kNone:
      return "start";
    case ChildStep::kCloseDescriptors:
      return "close descriptors";
    case ChildStep::kJoinMountNamespace:
      return "join the mount namespace";
    case ChildStep::kJoinIpcNamespace:
      return "join the IPC namespace";
    case ChildStep::kJoinUtsNamespace:
      return "join the UTS namespace";
    case ChildStep::kJoinNetworkNamespace:
      return "join the network namespace";
    case ChildStep::kMountProc:
      return "mount /proc";
    case ChildStep::kMaskProc:
      return "mask a path in /proc";
    case ChildStep::kReadOnlyProc:
      return "make a path in /proc read-only";
    case ChildStep::kFork:
      return "fork";
    case ChildStep::kStdio:
      return "set up standard input and output";
    case ChildStep::kSession:
      return "setsid";
    case ChildStep::kSignals:
      return "prepare for the signals of children";
    case ChildStep::kChroot:
      return "chroot";
    case ChildStep::kEnterCwd:
      return "enter the working directory";
    case ChildStep::kJoinUserNamespace:
      return "join the user namespace with emulators";
    case ChildStep::kSeccomp:
      return "install the seccomp filter";
    case ChildStep::kTrace:
      return "trace the first process (ptrace)";
    case ChildStep::kDropBounding:
      return "drop a capability from the bounding set";
    case ChildStep::kSetGroups:
      return "set the supplementary groups";
    case ChildStep::kSetGid:
      return "set the group";
    case ChildStep::kSetCapabilities:
      return "set the capabilities";
    case ChildStep::kSetUid:
      return "set the user";
    case ChildStep::kListener:
      return "hand system calls to the supervisor";
    case ChildStep::kExec:
    case ChildStep::kExecInterpreter:
      return "execute";
  }
  return "start";
}

}  // namespace strake::builder::sandbox
