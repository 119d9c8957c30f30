// What commands run in: a sandbox, and a snapshotter for their roots.

#ifndef STRAKE_BUILDER_STEP_BACKENDS_H_
#define STRAKE_BUILDER_STEP_BACKENDS_H_

#include <string>

#include "builder/sandbox/probe_sandbox.h"
#include "builder/snapshot/probe_snapshotter.h"
#include "builder/store.h"
#include "util/result.h"

namespace strake::builder {

struct StepBackends {
  sandbox::SandboxChoice sandbox = {};
  snapshot::SnapshotterChoice snapshots = {};
};

// Those called `isolation` and `snapshotter` ("auto": the best that work), once
// what killed strakes left behind of their scratch is gone.
Result<StepBackends> OpenStepBackends(const Store& store,
                                      const std::string& isolation,
                                      const std::string& snapshotter);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_STEP_BACKENDS_H_
