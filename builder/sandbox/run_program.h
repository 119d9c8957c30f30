// Starts the program of a `ProcessSpec` in a root that is ready, and waits for
// its end: what the sandboxes of namespaces and of chroot(2) have in common.

#ifndef STRAKE_BUILDER_SANDBOX_RUN_PROGRAM_H_
#define STRAKE_BUILDER_SANDBOX_RUN_PROGRAM_H_

#include <stop_token>

#include "builder/sandbox/child_plan.h"
#include "builder/sandbox/root_assembly.h"
#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// `kInvalidArgument` or `kUnsupported` for a spec that no sandbox can run.
Status CheckSpec(const ProcessSpec& spec);

// As `Sandbox::Run`, with `root` in place of `spec.root` and `spec.mounts`. On
// return no process of the program is left, and nothing holds `root`.
//   listening  a supervisor's; borrowed, null: none
Result<ExitStatus> RunProgram(const ProcessSpec& spec, AssembledRoot root,
                              const OutputCallback& on_output,
                              const std::stop_token& stop,
                              const Listening* listening = nullptr);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_RUN_PROGRAM_H_
