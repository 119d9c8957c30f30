// Words for a step that could not be started.

#ifndef STRAKE_BUILDER_SANDBOX_START_ERROR_H_
#define STRAKE_BUILDER_SANDBOX_START_ERROR_H_

#include <string>
#include <vector>

#include "builder/sandbox/child.h"
#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// Sets `spec.not_executed`.
//   candidates  the paths that were tried, as `ProgramCandidates` gave them
//   report      of kind kFailed
Error StartError(const ProcessSpec& spec,
                 const std::vector<std::string>& candidates,
                 const ChildReport& report);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_START_ERROR_H_
