// The sequence of one run, and why in this order:
//
//  1. A thread takes new mount, ipc, uts (and network) namespaces, puts the
//     root file system together in them and pivots into it. This is most of the
//     work, done where memory and words are allowed (`root_assembly.cc`). It
//     comes before clone because what comes after may do nothing.
//  2. Pipes, the channel and the plan: all that the child will touch.
//  3. clone(CLONE_NEWPID). Only a process can be first in a pid namespace, so
//     this cannot be the thread's work. The calling thread clones, not the
//     helper thread: the child's parent-death signal is tied to the thread, and
//     this one waits until the child is gone.
//  4. The child (`child.cc`) closes what is not its own, arms its parent-death
//     signal, waits for a sign of life from us, joins the namespaces, mounts
//     /proc (which shows the pid namespace of whoever mounts it, hence not
//     earlier), and starts the program as process 2.
//  5. Process 2 takes stdin, stdout and stderr, its working directory (while it
//     may still enter any), the seccomp filter (while it still has
//     CAP_SYS_ADMIN), drops capabilities and ids, and executes.
//  6. We pump output until process 1 has exited; the kernel ends it only after
//     every other process of the namespace, so nothing can hold a pipe then.
//  7. The mount namespace died with its last process; the stubs that were made
//     to mount on are bare again and are removed.

#include "builder/sandbox/namespace_sandbox.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

#include "builder/sandbox/child_plan.h"
#include "builder/sandbox/child_process.h"
#include "builder/sandbox/mount_stubs.h"
#include "builder/sandbox/output_pump.h"
#include "builder/sandbox/root_assembly.h"
#include "builder/sandbox/start_error.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

Status CheckMount(const Mount& mount) {
  if (!mount.target.starts_with('/')) {
    return InvalidArgument("mount target \"" + mount.target +
                           "\" is not an absolute path");
  }
  const std::string target = CleanPath(mount.target);
  if (target == "/") {
    return InvalidArgument("nothing can be mounted over \"/\"");
  }
  if (target == "/proc" || target.starts_with("/proc/")) {
    return Unsupported("mount target " + target +
                       ": nothing can be mounted on or below /proc");
  }
  return {};
}

Status CheckSpec(const ProcessSpec& spec) {
  if (spec.argv.empty()) return InvalidArgument("no command to run");
  if (!spec.cwd.starts_with('/')) {
    return InvalidArgument("working directory \"" + spec.cwd +
                           "\" is not an absolute path");
  }
  if ((spec.root.mount_fd >= 0) == !spec.root.path.empty()) {
    return Internal("a root is either a mount or a path");
  }
  for (const Mount& mount : spec.mounts) RETURN_IF_ERROR(CheckMount(mount));
  return {};
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

// A pipe for the program's output, owned by its user: /dev/stdout leads to it,
// and opening that must work for whoever the program runs as.
Result<Pipe> OutputPipe(const ProcessSpec& spec) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoError("pipe2");
  Pipe pipe{.read = UniqueFd(ends[0]), .write = UniqueFd(ends[1])};
  if (spec.uid != 0 || spec.gid != 0) {
    // An id that is not mapped is reported with the process itself.
    (void)!fchown(pipe.write.get(), spec.uid, spec.gid);
  }
  return pipe;
}

Result<Pipe> Channel() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoError("socketpair");
  }
  return Pipe{.read = UniqueFd(ends[0]), .write = UniqueFd(ends[1])};
}

// What the child told.
struct Reports {
  std::optional<ChildReport> failed;
  std::optional<ChildReport> exited;
};

Result<ExitStatus> Conclude(const ProcessSpec& spec, const OwnedChildPlan& plan,
                            const Reports& reports,
                            const std::stop_token& stop) {
  if (reports.failed)
    return StartError(spec, plan.candidates(), *reports.failed);
  if (reports.exited) {
    return ExitStatus{.code = reports.exited->code,
                      .signal = reports.exited->signal};
  }
  if (stop.stop_requested()) {
    return Cancelled("\"" + spec.argv.front() + "\" was stopped");
  }
  return IoError("the first process of the sandbox was killed while \"" +
                 spec.argv.front() + "\" ran (out of memory?)");
}

Result<ExitStatus> RunInRoot(const ProcessSpec& spec, MountStubs& stubs,
                             const OutputCallback& on_output,
                             const std::stop_token& stop) {
  ASSIGN_OR_RETURN(AssembledRoot root, AssembleRoot(spec, stubs));

  ASSIGN_OR_RETURN(Pipe channel, Channel());
  UniqueFd null_device;
  Pipe out;
  Pipe err;
  int stdio[3] = {spec.stdin_fd, spec.stdout_fd, spec.stderr_fd};
  if (stdio[0] < 0) {
    ASSIGN_OR_RETURN(null_device, OpenFile("/dev/null", O_RDONLY));
    stdio[0] = null_device.get();
  }
  if (stdio[1] < 0) {
    ASSIGN_OR_RETURN(out, OutputPipe(spec));
    stdio[1] = out.write.get();
  }
  if (stdio[2] < 0) {
    ASSIGN_OR_RETURN(err, OutputPipe(spec));
    stdio[2] = err.write.get();
  }
  ASSIGN_OR_RETURN(
      OwnedChildPlan plan,
      OwnedChildPlan::Make(spec, root, channel.write.get(), stdio));

  ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::Start(plan.plan()));
  // The child has its copies; ours would keep pipes and namespaces alive.
  root = AssembledRoot();
  channel.write.reset();
  out.write.reset();
  err.write.reset();

  Reports reports;
  std::stop_callback kill(stop, [&] { child.Kill(); });
  RETURN_IF_ERROR(PumpOutput({.stdout_pipe = out.read.get(),
                              .stderr_pipe = err.read.get(),
                              .channel = channel.read.get(),
                              .pidfd = child.pidfd()},
                             on_output, [&](const ChildReport& report) {
                               switch (report.kind) {
                                 case ChildReport::Kind::kReady:
                                   send(channel.read.get(), "", 1,
                                        MSG_NOSIGNAL);
                                   break;
                                 case ChildReport::Kind::kFailed:
                                   if (!reports.failed) reports.failed = report;
                                   break;
                                 case ChildReport::Kind::kExited:
                                   reports.exited = report;
                                   break;
                               }
                             }));
  child.Reap();
  return Conclude(spec, plan, reports, stop);
}

}  // namespace

Result<ExitStatus> NamespaceSandbox::Run(const ProcessSpec& spec,
                                         const OutputCallback& on_output,
                                         std::stop_token stop) {
  RETURN_IF_ERROR(CheckSpec(spec));
  if (stop.stop_requested()) {
    return Cancelled("\"" + spec.argv.front() + "\" was not started");
  }
  MountStubs stubs;
  Result<ExitStatus> ended = RunInRoot(spec, stubs, on_output, stop);
  // The child and its mounts are gone on every path out of `RunInRoot`.
  Status removed = stubs.Remove();
  if (ended && !removed) return std::move(removed).error();
  return ended;
}

}  // namespace strake::builder::sandbox
