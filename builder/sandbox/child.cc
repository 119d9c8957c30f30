#include "builder/sandbox/child.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "builder/sandbox/child_program.h"

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
constexpr int kDetach = 2;  // MNT_DETACH, in the other <mount.h>

int Move(int mount, int target) {
  return static_cast<int>(
      syscall(SYS_move_mount, mount, "", target, "",
              MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

class Child {
 public:
  explicit Child(const ChildPlan& plan) : plan_(plan), program_(plan) {}

  [[noreturn]] void Init();

 private:
  void Check(bool ok, ChildStep step, int index = 0) {
    program_.Check(ok, step, index);
  }

  void DieWithParent();
  void Join(int fd, int kind, ChildStep step);
  void MountProc();
  void MaskProcPath(int proc, int index);
  void MakeProcPathReadOnly(int proc, int index);
  void MakeReadOnlyTheOldWay(int mount, int index);
  int CloneDevNull();
  [[noreturn]] void Reap(pid_t program);

  const ChildPlan& plan_;
  ChildProgram program_;
};

// getppid() cannot tell whether the parent died before prctl: from within a pid
// namespace the parent is always 0. So the parent, who is alive, says so.
void Child::DieWithParent() {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  program_.AnnounceReady();
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
  program_.BlankTitle();
  setsid();  // away from the terminal's signals
  Join(plan_.mount_namespace, CLONE_NEWNS, ChildStep::kJoinMountNamespace);
  Join(plan_.ipc_namespace, CLONE_NEWIPC, ChildStep::kJoinIpcNamespace);
  Join(plan_.uts_namespace, CLONE_NEWUTS, ChildStep::kJoinUtsNamespace);
  Join(plan_.network_namespace, CLONE_NEWNET, ChildStep::kJoinNetworkNamespace);
  MountProc();
  Check(chdir("/") == 0, ChildStep::kMountProc);
  const pid_t program = ForkUntilExec();
  Check(program >= 0, ChildStep::kFork);
  if (program == 0) program_.Run();
  program_.SendStarted();
  CloseAllBut(&plan_.channel, 1);
  Reap(program);
}

void Child::Reap(pid_t program) {
  while (true) {
    int status = 0;
    const pid_t ended = wait4(-1, &status, __WALL, nullptr);
    if (ended < 0 && errno != EINTR) _exit(127);
    if (ended != program) continue;
    program_.SendExit(status);
    _exit(0);
  }
}

}  // namespace

void RunInit(const ChildPlan& plan) { Child(plan).Init(); }

}  // namespace strake::builder::sandbox
