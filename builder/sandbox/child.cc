#include "builder/sandbox/child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/mount.h>
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

#include <cerrno>

namespace strake::builder::sandbox {
namespace {

// Docker's masked and read-only paths (runtime-spec "maskedPaths"), below
// /proc; /sys has its own in `system_mounts.cc`.
constexpr const char* kMaskedPaths[] = {
    "asound", "acpi",       "kcore",       "keys",        "latency_stats",
    "scsi",   "timer_list", "timer_stats", "sched_debug",
};
constexpr const char* kReadOnlyPaths[] = {
    "bus", "fs", "irq", "sys", "sysrq-trigger",
};
constexpr unsigned kProcAttributes =
    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
constexpr int kDetach = 2;     // MNT_DETACH, in the other <mount.h>
constexpr int kFirstFree = 3;  // behind stdin, stdout and stderr

int Move(int mount, int target) {
  return static_cast<int>(
      syscall(SYS_move_mount, mount, "", target, "",
              MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

// As clone(2) without the C library's handlers for fork.
pid_t RawFork() {
  return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

class Child {
 public:
  explicit Child(const ChildPlan& plan) : plan_(plan), channel_(plan.channel) {}

  [[noreturn]] void Init();

 private:
  void Send(const ChildReport& report);
  [[noreturn]] void Fail(ChildStep step, int index = 0);
  void Check(bool ok, ChildStep step, int index = 0) {
    if (!ok) Fail(step, index);
  }

  void DieWithParent();
  void BlankTitle();
  void CloseAllBut(const int* keep, size_t count);
  void Join(int fd, int kind, ChildStep step);
  void MountProc();
  void MaskProcPath(int proc, int index);
  void MakeProcPathReadOnly(int proc, int index);
  void MakeReadOnlyTheOldWay(int mount, int index);
  int CloneDevNull();
  [[noreturn]] void Reap(pid_t program);

  [[noreturn]] void RunProgram();
  void SetUpStdio();
  void ResetSignals();
  void TakeIdentity();
  [[noreturn]] void Execute();

  const ChildPlan& plan_;
  int channel_;
};

void Child::Send(const ChildReport& report) {
  while (send(channel_, &report, sizeof(report), MSG_NOSIGNAL) < 0 &&
         errno == EINTR) {
  }
}

void Child::Fail(ChildStep step, int index) {
  ChildReport report;
  report.kind = ChildReport::Kind::kFailed;
  report.step = step;
  report.error = errno;
  report.index = index;
  Send(report);
  _exit(127);
}

// getppid() cannot tell whether the parent died before prctl: from within a pid
// namespace the parent is always 0. So the parent, who is alive, says so.
void Child::DieWithParent() {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  Send(ChildReport{});
  char alive = 0;
  ssize_t n = 0;
  do {
    n = recv(channel_, &alive, 1, 0);
  } while (n < 0 && errno == EINTR);
  if (n != 1) _exit(127);
}

void Child::BlankTitle() {
  constexpr char kName[] = "strake-init";
  prctl(PR_SET_NAME, kName, 0, 0, 0);
  // Not memset: a sanitizer would check a range that is not its own.
  volatile char* title = plan_.title;
  for (size_t i = 0; i < plan_.title_size; ++i) {
    title[i] = i < sizeof(kName) ? kName[i] : '\0';
  }
}

void Child::CloseAllBut(const int* keep, size_t count) {
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

void Child::Join(int fd, int kind, ChildStep step) {
  if (fd < 0) return;
  Check(setns(fd, kind) == 0, step);
}

int Child::CloneDevNull() {
  return static_cast<int>(
      syscall(SYS_open_tree, plan_.dev_null, "",
              OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
}

// A masked path keeps its type: /dev/null over a file, an empty directory over
// a directory.
void Child::MaskProcPath(int proc, int index) {
  const int target =
      openat(proc, kMaskedPaths[index], O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (target < 0) return;  // this kernel has none
  struct stat found {};
  Check(fstat(target, &found) == 0, ChildStep::kMaskProc, index);
  int cover = -1;
  if (S_ISDIR(found.st_mode)) {
    const int fs =
        static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC));
    syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", "tmpfs", 0);
    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
    cover = static_cast<int>(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
                                     kProcAttributes | MOUNT_ATTR_RDONLY));
    close(fs);
  } else {
    cover = CloneDevNull();
  }
  Check(cover >= 0 && Move(cover, target) == 0, ChildStep::kMaskProc, index);
  close(cover);
  close(target);
}

void Child::MakeProcPathReadOnly(int proc, int index) {
  const int target =
      openat(proc, kReadOnlyPaths[index], O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (target < 0) return;
  const int copy = static_cast<int>(syscall(
      SYS_open_tree, target, "",
      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE));
  Check(copy >= 0, ChildStep::kReadOnlyProc, index);
  mount_attr attributes{};
  attributes.attr_set = kProcAttributes | MOUNT_ATTR_RDONLY;
  const bool done =
      syscall(SYS_mount_setattr, copy, "", AT_EMPTY_PATH | AT_RECURSIVE,
              &attributes, sizeof(attributes)) == 0;
  Check(Move(copy, target) == 0, ChildStep::kReadOnlyProc, index);
  if (!done) MakeReadOnlyTheOldWay(copy, index);
  close(copy);
  close(target);
}

// Before Linux 5.12. Only a directory can be named without a path, by "."; the
// one file among the paths is covered instead.
void Child::MakeReadOnlyTheOldWay(int mount, int index) {
  if (fchdir(mount) == 0) {
    Check(syscall(SYS_mount, nullptr, ".", nullptr,
                  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV |
                      MS_NOEXEC,
                  nullptr) == 0,
          ChildStep::kReadOnlyProc, index);
    return;
  }
  const int cover = CloneDevNull();
  Check(cover >= 0 && Move(cover, mount) == 0, ChildStep::kReadOnlyProc, index);
  close(cover);
}

// In a user namespace the kernel makes a new proc only while an old one, with
// nothing in it covered, is in the mount namespace: it would otherwise show
// what somebody has hidden. So the host's lies at /proc until the new one is
// made; in a container, whose own /proc has masked paths, it stays.
void Child::MountProc() {
  const int fs = static_cast<int>(syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC));
  Check(fs >= 0, ChildStep::kMountProc);
  syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", "proc", 0);
  int proc = -1;
  if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) ==
      0) {
    proc = static_cast<int>(
        syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, kProcAttributes));
  }
  if (proc >= 0) {
    if (plan_.host_proc >= 0) {
      Check(fchdir(plan_.host_proc) == 0 &&
                syscall(SYS_umount2, ".", kDetach) == 0,
            ChildStep::kMountProc);
    }
    Check(Move(proc, plan_.proc_target) == 0, ChildStep::kMountProc);
  } else {
    Check(errno == EPERM && plan_.host_proc >= 0, ChildStep::kMountProc);
    proc = plan_.host_proc;
  }
  if (plan_.restrict_proc) {
    for (size_t i = 0; i < sizeof(kMaskedPaths) / sizeof(*kMaskedPaths); ++i) {
      MaskProcPath(proc, static_cast<int>(i));
    }
    for (size_t i = 0; i < sizeof(kReadOnlyPaths) / sizeof(*kReadOnlyPaths);
         ++i) {
      MakeProcPathReadOnly(proc, static_cast<int>(i));
    }
  }
}

void Child::Init() {
  CloseAllBut(plan_.keep, plan_.keep_count);
  DieWithParent();
  BlankTitle();
  setsid();  // away from the terminal's signals
  Join(plan_.mount_namespace, CLONE_NEWNS, ChildStep::kJoinMountNamespace);
  Join(plan_.ipc_namespace, CLONE_NEWIPC, ChildStep::kJoinIpcNamespace);
  Join(plan_.uts_namespace, CLONE_NEWUTS, ChildStep::kJoinUtsNamespace);
  Join(plan_.network_namespace, CLONE_NEWNET, ChildStep::kJoinNetworkNamespace);
  MountProc();
  Check(chdir("/") == 0, ChildStep::kMountProc);
  const pid_t program = RawFork();
  Check(program >= 0, ChildStep::kFork);
  if (program == 0) RunProgram();
  CloseAllBut(&channel_, 1);
  Reap(program);
}

void Child::Reap(pid_t program) {
  while (true) {
    int status = 0;
    const pid_t ended = wait4(-1, &status, __WALL, nullptr);
    if (ended < 0 && errno != EINTR) _exit(127);
    if (ended != program) continue;
    ChildReport report;
    report.kind = ChildReport::Kind::kExited;
    if (WIFSIGNALED(status)) {
      report.signal = WTERMSIG(status);
    } else {
      report.code = WEXITSTATUS(status);
    }
    Send(report);
    _exit(0);
  }
}

void Child::SetUpStdio() {
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

void Child::ResetSignals() {
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
void Child::TakeIdentity() {
  if (plan_.filter_length != 0) {
    sock_fprog program{};
    program.len = static_cast<unsigned short>(plan_.filter_length);
    // The kernel only reads; the layout is its own (`seccomp_filter.h`).
    program.filter = reinterpret_cast<sock_filter*>(
        const_cast<BpfInstruction*>(plan_.filter));
    // SPEC_ALLOW: without it, kernels before 5.16 slow the process down.
    Check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                  SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) == 0,
          ChildStep::kSeccomp);
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

// As execvp(3): a program that may not be executed does not end the search, but
// is what the search then fails with.
void Child::Execute() {
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

void Child::RunProgram() {
  SetUpStdio();
  Check(setsid() >= 0, ChildStep::kSession);
  ResetSignals();
  umask(0022);
  Check(chdir(plan_.cwd) == 0, ChildStep::kEnterCwd);
  const int keep[] = {0, 1, 2, channel_};
  CloseAllBut(keep, 4);
  TakeIdentity();
  Execute();
}

}  // namespace

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
    case ChildStep::kEnterCwd:
      return "enter the working directory";
    case ChildStep::kSeccomp:
      return "install the seccomp filter";
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
    case ChildStep::kExec:
    case ChildStep::kExecInterpreter:
      return "execute";
  }
  return "start";
}

void RunInit(const ChildPlan& plan) { Child(plan).Init(); }

}  // namespace strake::builder::sandbox
