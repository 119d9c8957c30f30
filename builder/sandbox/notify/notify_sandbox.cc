// The sequence of one run:
//
//  1. The root, its mounts and a /dev are put together (`root_view.cc`); mount
//     points get mode 000.
//  2. The supervisor is forked (`supervisor.cc`). It finds the program, and
//     forks the reaper (`reaper.cc`), which forks the first process.
//  3. The first process installs the filter, becomes the loader, which becomes
//     the program. From here on everybody's system calls are answered by the
//     supervisor's threads (`handlers_*.cc`).
//  4. The first process ends; the reaper kills what is left, the supervisor
//     writes down whose the files are, both exit.
//  5. Here, output was passed on meanwhile. Once nobody is left (a pipe that
//  all
//     but the programs hold is closed), the root is put back as it was.
//
// Stopping kills the supervisor; the reaper sees that and does the rest.

#include "builder/sandbox/notify/notify_sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "builder/sandbox/channel.h"
#include "builder/sandbox/child.h"
#include "builder/sandbox/child_plan.h"
#include "builder/sandbox/foreign_program.h"
#include "builder/sandbox/memory_file.h"
#include "builder/sandbox/notify/root_view.h"
#include "builder/sandbox/notify/supervisor.h"
#include "builder/sandbox/notify/supervisor_process.h"
#include "builder/sandbox/output_pump.h"
#include "builder/sandbox/start_error.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

Status CheckSpec(const ProcessSpec& spec) {
  if (spec.argv.empty()) return InvalidArgument("no command to run");
  if (!spec.cwd.starts_with('/')) {
    return InvalidArgument("working directory \"" + spec.cwd +
                           "\" is not an absolute path");
  }
  if (spec.root.path.empty()) {
    return Internal("a root to run in without namespaces must be a path");
  }
  if (spec.network == Network::kNone) {
    return Unsupported(
        "a step without network (--network=none) needs a network namespace, "
        "which cannot be had here: leave the flag out, or allow strake user "
        "namespaces");
  }
  if (spec.network_namespace >= 0) {
    return Unsupported(
        "a network of the run's own needs a network namespace, which cannot be "
        "had here: use the host's, or allow strake user namespaces");
  }
  for (const Mount& mount : spec.mounts) {
    if (!mount.target.starts_with('/')) {
      return InvalidArgument("mount target \"" + mount.target +
                             "\" is not an absolute path");
    }
    const std::string target = CleanPath(mount.target);
    if (target == "/proc" || target.starts_with("/proc/")) {
      return Unsupported("mount target " + target +
                         ": nothing can be mounted on or below /proc");
    }
  }
  return {};
}

// Until every holder of the other end is gone.
void WaitForHangUp(int pipe) {
  pollfd polled = {.fd = pipe, .events = POLLIN, .revents = 0};
  while (poll(&polled, 1, -1) < 0 && errno == EINTR) {
  }
}

// One run between `RootView::Prepare` and `Restore`.
class NotifyRun {
 public:
  NotifyRun(const ProcessSpec& spec, const OutputCallback& on_output,
            const std::stop_token& stop, notify::CallTransport transport)
      : spec_(spec),
        on_output_(on_output),
        stop_(stop),
        transport_(transport) {}

  Result<ExitStatus> Run(notify::RootView& view) {
    RETURN_IF_ERROR(Open());
    notify::SupervisorPlan plan;
    plan.spec = &spec_;
    plan.candidates = ProgramCandidates(spec_.argv.front(), spec_.env);
    plan.mounts = view.TakeMounts();
    plan.transport = transport_;
    plan.meant = view.meant();
    plan.folder = view.directory();
    plan.channel = channel_.theirs.get();
    plan.alive = alive_.write_end.get();
    plan.results = results_.get();
    for (int i = 0; i < 3; ++i) plan.stdio[i] = stdio_[i];
    Result<ExitStatus> ended = Supervise(plan);
    WaitForHangUp(alive_.read_end.get());
    if (!ended || failed_) return ended;
    RETURN_IF_ERROR(notify::TakeResults(results_.get(), spec_));
    return ended;
  }

 private:
  Status Open() {
    ASSIGN_OR_RETURN(channel_, MakeChannel());
    ASSIGN_OR_RETURN(alive_, MakePipe());
    ASSIGN_OR_RETURN(results_, MakeMemoryFile("strake-results"));
    stdio_[0] = spec_.stdin_fd;
    stdio_[1] = spec_.stdout_fd;
    stdio_[2] = spec_.stderr_fd;
    if (stdio_[0] < 0) {
      ASSIGN_OR_RETURN(null_, OpenFile("/dev/null", O_RDONLY));
      stdio_[0] = null_.get();
    }
    if (stdio_[1] < 0) {
      ASSIGN_OR_RETURN(out_, MakePipe());
      stdio_[1] = out_.write_end.get();
    }
    if (stdio_[2] < 0) {
      ASSIGN_OR_RETURN(err_, MakePipe());
      stdio_[2] = err_.write_end.get();
    }
    return {};
  }

  void Note(const ChildReport& report) {
    if (report.kind == ChildReport::Kind::kStarted) {
      if (!failed_ && spec_.on_started) spec_.on_started();
      return;
    }
    std::optional<ChildReport>& kept =
        report.kind == ChildReport::Kind::kFailed ? failed_ : exited_;
    if (!kept) kept = report;
  }

  Result<ExitStatus> Supervise(notify::SupervisorPlan& plan) {
    ASSIGN_OR_RETURN(
        notify::SupervisorProcess process,
        notify::SupervisorProcess::Start([&] { notify::RunSupervisor(plan); }));
    plan.mounts.clear();
    channel_.theirs.reset();
    for (Pipe* pipe : {&alive_, &out_, &err_}) pipe->write_end.reset();
    std::stop_callback kill(stop_, [&] { process.Kill(); });
    RETURN_IF_ERROR(PumpOutput(
        {.stdout_pipe = out_.read_end.get(),
         .stderr_pipe = err_.read_end.get(),
         .channel = channel_.ours.get(),
         .pidfd = process.pidfd()},
        on_output_, [&](const ChildReport& report) { Note(report); }));
    process.Reap();
    if (failed_) return StartError(spec_, plan.candidates, *failed_);
    if (stop_.stop_requested()) {
      return Cancelled("\"" + spec_.argv.front() + "\" was stopped");
    }
    if (exited_) {
      return ExitStatus{.code = exited_->code, .signal = exited_->signal};
    }
    return IoError("the supervisor was killed while \"" + spec_.argv.front() +
                   "\" ran (out of memory?)");
  }

  const ProcessSpec& spec_;
  const OutputCallback& on_output_;
  const std::stop_token& stop_;
  const notify::CallTransport transport_;
  Channel channel_;
  Pipe alive_;
  Pipe out_;
  Pipe err_;
  UniqueFd null_;
  UniqueFd results_;
  int stdio_[3] = {-1, -1, -1};
  std::optional<ChildReport> failed_;
  std::optional<ChildReport> exited_;
};

}  // namespace

Result<ExitStatus> NotifySandbox::Run(const ProcessSpec& spec,
                                      const OutputCallback& on_output,
                                      std::stop_token stop) {
  RETURN_IF_ERROR(CheckSpec(spec));
  if (stop.stop_requested()) {
    return Cancelled("\"" + spec.argv.front() + "\" was not started");
  }
  RETURN_IF_ERROR(RefuseForeignProgram(spec));
  if (spec.touched != nullptr) spec.touched->reset();
  notify::RootView view(options_.scratch);
  RETURN_IF_ERROR(view.Prepare(spec));
  Result<ExitStatus> ended =
      NotifyRun(spec, on_output, stop, options_.transport).Run(view);
  Status restored = view.Restore();
  if (ended && !restored) return std::move(restored).error();
  return ended;
}

}  // namespace strake::builder::sandbox
