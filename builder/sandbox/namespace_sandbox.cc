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

#include <utility>

#include "builder/sandbox/emulators.h"
#include "builder/sandbox/mount_stubs.h"
#include "builder/sandbox/root_assembly.h"
#include "builder/sandbox/run_program.h"
#include "builder/sandbox/user_namespace.h"
#include "util/result_macros.h"

namespace strake::builder::sandbox {
namespace {

// Where the program can be run, which is here for nearly all.
Result<EmulationPlace> FindPlace(const ProcessSpec& spec) {
  if (!FindForeignProgram(spec)) return EmulationPlace{};
  // Tells what an earlier call has made of this process.
  const bool own = EnterUserNamespace().privilege != Privilege::kRoot;
  return PrepareEmulation(spec, own ? Emulation::kHere : Emulation::kApart);
}

Result<ExitStatus> RunInRoot(const ProcessSpec& spec, MountStubs& stubs,
                             const OutputCallback& on_output,
                             const std::stop_token& stop,
                             CallAnswerer* answerer) {
  ASSIGN_OR_RETURN(EmulationPlace place, FindPlace(spec));
  ASSIGN_OR_RETURN(AssembledRoot root, AssembleRoot(spec, stubs));
  root.user_namespace = place.user_namespace;
  if (answerer == nullptr) {
    return RunProgram(spec, std::move(root), on_output, stop);
  }
  ASSIGN_OR_RETURN(const Listening listening, answerer->Start(root));
  return RunProgram(spec, std::move(root), on_output, stop, &listening);
}

}  // namespace

Result<ExitStatus> NamespaceSandbox::Run(const ProcessSpec& spec,
                                         const OutputCallback& on_output,
                                         std::stop_token stop) {
  return RunInNamespaces(spec, on_output, stop);
}

Result<ExitStatus> RunInNamespaces(const ProcessSpec& spec,
                                   const OutputCallback& on_output,
                                   const std::stop_token& stop,
                                   CallAnswerer* answerer) {
  RETURN_IF_ERROR(CheckSpec(spec));
  if (stop.stop_requested()) {
    return Cancelled("\"" + spec.argv.front() + "\" was not started");
  }
  MountStubs stubs;
  Result<ExitStatus> ended = RunInRoot(spec, stubs, on_output, stop, answerer);
  // The child and its mounts are gone on every path out of `RunInRoot`.
  Status removed = stubs.Remove();
  if (ended && !removed) return std::move(removed).error();
  return ended;
}

}  // namespace strake::builder::sandbox
