// Carries out RUN: the process, its user, its environment and its mounts.

#ifndef STRAKE_BUILDER_OPS_RUN_OP_H_
#define STRAKE_BUILDER_OPS_RUN_OP_H_

#include <optional>
#include <set>
#include <string>

#include "builder/ops/copy_op.h"
#include "builder/ops/execute_op.h"
#include "builder/plan/op.h"
#include "builder/snapshot/snapshotter.h"
#include "util/result.h"

namespace strake::builder::ops {

// Runs `op` in `root`, which is used up where it is a detached mount.
//   target  the same file system, for what must exist before (the working
//           directory)
//   touched all that was changed (`sandbox::ProcessSpec::touched`), where that
//           is known
//   devices whether to answer for devices from the start. If not, and the step
//           makes one that has to be, `made_device` is set: `root` is to be
//           thrown away then, whatever is returned, and the step begun anew
// Errors: `kCommandFailed` with the exit code; `kNotFound` for an unknown user
// or a missing secret; those of the sandbox.
Status ExecuteRun(const plan::RunOp& op, const ExecuteRequest& request,
                  const ExecuteEnvironment& environment,
                  snapshot::MountedRoot& root, const WriteTarget& target,
                  std::optional<std::set<std::string>>& touched,
                  sandbox::ProcessSpec::Devices devices, bool& made_device);

}  // namespace strake::builder::ops

#endif  // STRAKE_BUILDER_OPS_RUN_OP_H_
