// Carries out WORKDIR: a directory and its parents.

#ifndef STRAKE_BUILDER_OPS_MAKE_DIR_H_
#define STRAKE_BUILDER_OPS_MAKE_DIR_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "builder/ops/copy_op.h"
#include "builder/plan/op.h"
#include "util/result.h"

namespace strake::builder::ops {

struct MakeDirSummary {
  std::vector<std::string> made;  // paths without leading "/", parents first
  std::vector<std::string> warnings;  // for people
};

// Makes `op.path`, resolved inside the target; what is missing gets mode 0755
// and belongs to `op.user` (by the rules of --chown), what exists stays as it
// is. `epoch`: the time of what is made; unset: now.
// Errors: kInvalidArgument (a file is in the way), kIo.
Result<MakeDirSummary> ExecuteMakeDir(
    const plan::MakeDirOp& op, const WriteTarget& target,
    std::optional<std::chrono::nanoseconds> epoch);

}  // namespace strake::builder::ops

#endif  // STRAKE_BUILDER_OPS_MAKE_DIR_H_
