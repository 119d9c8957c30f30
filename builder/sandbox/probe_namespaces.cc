#include "builder/sandbox/probe_namespaces.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

// What the child of the probe did last, and what came of it.
struct ProbeReport {
  enum Step : int {
    kNamespaces,
    kPrivate,
    kNewMount,
    kAttach,
    kPivot,
    kJoin,
    kDone,
  };
  Step step = kNamespaces;
  int error = 0;
};

const char* StepText(ProbeReport::Step step) {
  switch (step) {
    case ProbeReport::kNamespaces:
      return "unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | "
             "CLONE_NEWUTS)";
    case ProbeReport::kPrivate:
      return "mount(MS_PRIVATE)";
    case ProbeReport::kNewMount:
      return "fsopen and fsmount of a tmpfs";
    case ProbeReport::kAttach:
      return "move_mount";
    case ProbeReport::kPivot:
      return "pivot_root";
    case ProbeReport::kJoin:
      return "setns";
    case ProbeReport::kDone:
      break;
  }
  return "probe";
}

// In the child of a process that may have many threads: system calls only.
ProbeReport Try() {
  const auto report = [](ProbeReport::Step step) {
    return ProbeReport{.step = step, .error = errno};
  };
  if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS) != 0) {
    return report(ProbeReport::kNamespaces);
  }
  const int self = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (syscall(SYS_mount, nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) !=
      0) {
    return report(ProbeReport::kPrivate);
  }
  const int fs = static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC));
  if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, nullptr, nullptr,
                        0) != 0) {
    return report(ProbeReport::kNewMount);
  }
  const int mount =
      static_cast<int>(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0));
  if (mount < 0) return report(ProbeReport::kNewMount);
  if (syscall(SYS_move_mount, mount, "", AT_FDCWD, "/",
              MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return report(ProbeReport::kAttach);
  }
  if (fchdir(mount) != 0 || syscall(SYS_pivot_root, ".", ".") != 0) {
    return report(ProbeReport::kPivot);
  }
  if (self < 0 || setns(self, CLONE_NEWNS) != 0) {
    return report(ProbeReport::kJoin);
  }
  return ProbeReport{.step = ProbeReport::kDone, .error = 0};
}

ProbeReport TryInChild() {
  const auto failed = [](int error) {
    return ProbeReport{.step = ProbeReport::kNamespaces, .error = error};
  };
  Result<Pipe> pipe = MakePipe();
  if (!pipe) return failed(errno);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const long pid = syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr);
  const int error = errno;
  if (pid == 0) {
    const ProbeReport report = Try();
    const ssize_t n = write(pipe->write_end.get(), &report, sizeof(report));
    _exit(n == sizeof(report) ? 0 : 1);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return failed(error);
  pipe->write_end.reset();
  ProbeReport report;
  ssize_t n = 0;
  do {
    n = read(pipe->read_end.get(), &report, sizeof(report));
  } while (n < 0 && errno == EINTR);
  while (waitpid(static_cast<pid_t>(pid), nullptr, __WALL) < 0 &&
         errno == EINTR) {
  }
  // Killed in the middle: a seccomp filter of the unfriendly sort.
  return n == sizeof(report) ? report : failed(EPERM);
}

}  // namespace

Status ProbeNamespaces() {
  static const ProbeReport probed = TryInChild();
  if (probed.step == ProbeReport::kDone) return {};
  return Unsupported(std::string(StepText(probed.step)) + ": " +
                     std::strerror(probed.error));
}

}  // namespace strake::builder::sandbox
