#include "builder/sandbox/run_program.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "builder/sandbox/channel.h"
#include "builder/sandbox/child_process.h"
#include "builder/sandbox/output_pump.h"
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

// A pipe for the program's output, owned by its user: /dev/stdout leads to it,
// and opening that must work for whoever the program runs as.
Result<Pipe> OutputPipe(const ProcessSpec& spec) {
  ASSIGN_OR_RETURN(Pipe pipe, MakePipe());
  if (spec.uid != 0 || spec.gid != 0) {
    // An id that is not mapped is reported with the process itself.
    (void)!fchown(pipe.write_end.get(), spec.uid, spec.gid);
  }
  return pipe;
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

// Closes a channel's both directions; the descriptor stays open.
struct EndTree {
  int channel = -1;

  void Now() const {
    if (channel >= 0) shutdown(channel, SHUT_RDWR);
  }
};

}  // namespace

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

Result<ExitStatus> RunProgram(const ProcessSpec& spec, AssembledRoot root,
                              const OutputCallback& on_output,
                              const std::stop_token& stop,
                              const Listening* listening) {
  ASSIGN_OR_RETURN(Channel channel, MakeChannel());
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
    stdio[1] = out.write_end.get();
  }
  if (stdio[2] < 0) {
    ASSIGN_OR_RETURN(err, OutputPipe(spec));
    stdio[2] = err.write_end.get();
  }
  ASSIGN_OR_RETURN(
      OwnedChildPlan plan,
      OwnedChildPlan::Make(spec, root, channel.theirs.get(), stdio, listening));

  ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::Start(plan.plan()));
  // The child has its copies; ours would keep pipes and namespaces alive.
  root = AssembledRoot();
  channel.theirs.reset();
  out.write_end.reset();
  err.write_end.reset();

  Reports reports;
  const bool has_namespace = plan.plan().root_directory < 0;
  // A reaper ends by itself, after all of its descendants; it is told by the
  // end of the channel, which `EndTree` makes.
  const EndTree end_tree{has_namespace ? -1 : channel.ours.get()};
  std::stop_callback kill(stop, [&] {
    if (has_namespace) {
      child.Kill();
    } else {
      end_tree.Now();
    }
  });
  Status pumped =
      PumpOutput({.stdout_pipe = out.read_end.get(),
                  .stderr_pipe = err.read_end.get(),
                  .channel = channel.ours.get(),
                  .pidfd = child.pidfd()},
                 on_output, [&](const ChildReport& report) {
                   switch (report.kind) {
                     case ChildReport::Kind::kReady:
                       send(channel.ours.get(), "", 1, MSG_NOSIGNAL);
                       break;
                     case ChildReport::Kind::kFailed:
                       if (!reports.failed) reports.failed = report;
                       break;
                     case ChildReport::Kind::kStarted:
                       if (!reports.failed && spec.on_started) {
                         spec.on_started();
                       }
                       break;
                     case ChildReport::Kind::kExited:
                       reports.exited = report;
                       break;
                   }
                 });
  end_tree.Now();
  child.Reap();
  RETURN_IF_ERROR(pumped);
  return Conclude(spec, plan, reports, stop);
}

}  // namespace strake::builder::sandbox
