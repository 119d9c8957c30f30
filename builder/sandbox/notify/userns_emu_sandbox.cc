// The sequence is that of `NamespaceSandbox`, with a second process beside it:
//
//  1. The supervisor is forked, and waits for the listener.
//  2. The root is put together in new namespaces, the program started in them
//     (`run_program.h`). Before it executes, it installs the second filter and
//     sends the listener to the supervisor.
//  3. The supervisor answers (`handlers_*.cc`) until the run is over, writes
//     down whose the files are, and exits.
//
// What the kernel knows of the step's processes is one user, root of the
// namespace, with Docker's default capabilities: it lets them do what the
// supervisor has allowed, or does not answer for.

#include "builder/sandbox/notify/userns_emu_sandbox.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <stop_token>
#include <thread>
#include <utility>

#include "builder/sandbox/channel.h"
#include "builder/sandbox/emulators.h"
#include "builder/sandbox/memory_file.h"
#include "builder/sandbox/mount_stubs.h"
#include "builder/sandbox/notify/filter.h"
#include "builder/sandbox/notify/handlers.h"
#include "builder/sandbox/notify/inner_supervisor.h"
#include "builder/sandbox/notify/supervisor.h"
#include "builder/sandbox/notify/supervisor_process.h"
#include "builder/sandbox/root_assembly.h"
#include "builder/sandbox/run_program.h"
#include "util/result_macros.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

// `spec` as the kernel is to see it: everything is root's.
ProcessSpec AsRoot(const ProcessSpec& spec) {
  ProcessSpec physical = spec;
  physical.uid = physical.gid = 0;
  physical.supplementary_gids.clear();
  for (Mount& mount : physical.mounts) mount.uid = mount.gid = 0;
  return physical;
}

// One run, and the supervisor's part in it.
class EmulatedRun {
 public:
  EmulatedRun(const ProcessSpec& spec, const OutputCallback& on_output,
              const std::stop_token& stop)
      : spec_(spec), on_output_(on_output), stop_(stop) {}

  Result<ExitStatus> Run(MountStubs& stubs) {
    ASSIGN_OR_RETURN(Channel channel, MakeChannel());
    const int yes = 1;
    if (setsockopt(channel.theirs.get(), SOL_SOCKET, SO_PASSCRED, &yes,
                   sizeof(yes)) != 0) {
      return ErrnoError("setsockopt(SO_PASSCRED)");
    }
    ASSIGN_OR_RETURN(results_, MakeMemoryFile("strake-results"));
    const notify::InnerSupervisorPlan plan = {.spec = &spec_,
                                              .socket = channel.theirs.get(),
                                              .results = results_.get()};
    ASSIGN_OR_RETURN(notify::SupervisorProcess supervisor,
                     notify::SupervisorProcess::Start(
                         [&] { notify::RunInnerSupervisor(plan); }));
    channel.theirs.reset();
    Listening listening;
    listening.filter =
        notify::NativePathsFilter(notify::CallsWithNativePaths());
    listening.socket = channel.ours.get();
    const ProcessSpec physical = AsRoot(spec_);
    ASSIGN_OR_RETURN(AssembledRoot root, AssembleRoot(physical, stubs));
    Result<ExitStatus> ended =
        RunWhile(supervisor, physical, std::move(root), listening);
    channel.ours.reset();
    const bool answered = supervisor.Reap();
    if (!ended && (answered || stop_.stop_requested())) return ended;
    if (!answered) {
      return IoError("the supervisor ended while \"" + spec_.argv.front() +
                     "\" ran (out of memory?)");
    }
    RETURN_IF_ERROR(notify::TakeResults(results_.get(), spec_));
    return ended;
  }

 private:
  // Without its supervisor the program is stopped.
  Result<ExitStatus> RunWhile(const notify::SupervisorProcess& supervisor,
                              const ProcessSpec& physical, AssembledRoot root,
                              const Listening& listening) const {
    std::stop_source either;
    const std::stop_callback pass_on(stop_, [&] { either.request_stop(); });
    UniqueFd over(eventfd(0, EFD_CLOEXEC));
    if (!over) return ErrnoError("eventfd");
    const std::jthread watch([&] {
      pollfd polled[] = {
          {.fd = supervisor.pidfd(), .events = POLLIN, .revents = 0},
          {.fd = over.get(), .events = POLLIN, .revents = 0}};
      while (poll(polled, 2, -1) < 0 && errno == EINTR) {
      }
      if (polled[0].revents != 0) either.request_stop();
    });
    Result<ExitStatus> ended = RunProgram(physical, std::move(root), on_output_,
                                          either.get_token(), &listening);
    eventfd_write(over.get(), 1);
    return ended;
  }

  const ProcessSpec& spec_;
  const OutputCallback& on_output_;
  const std::stop_token& stop_;
  UniqueFd results_;
};

}  // namespace

Result<ExitStatus> UsernsEmuSandbox::Run(const ProcessSpec& spec,
                                         const OutputCallback& on_output,
                                         std::stop_token stop) {
  RETURN_IF_ERROR(CheckSpec(spec));
  if (spec.root.path.empty()) {
    return Internal("a root whose owners are emulated must be a path");
  }
  if (stop.stop_requested()) {
    return Cancelled("\"" + spec.argv.front() + "\" was not started");
  }
  RETURN_IF_ERROR(PrepareEmulation(spec, Emulation::kHere));
  // Not told, until a test shows that nothing passes by the supervisor.
  if (spec.touched != nullptr) spec.touched->reset();
  ProcessSpec told_nothing = spec;
  told_nothing.touched = nullptr;
  MountStubs stubs;
  Result<ExitStatus> ended =
      EmulatedRun(told_nothing, on_output, stop).Run(stubs);
  Status removed = stubs.Remove();
  if (ended && !removed) return std::move(removed).error();
  return ended;
}

}  // namespace strake::builder::sandbox
