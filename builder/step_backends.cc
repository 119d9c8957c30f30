#include "builder/step_backends.h"

#include "builder/sandbox/scratch_directory.h"
#include "builder/sandbox/user_namespace.h"
#include "util/result_macros.h"

namespace strake::builder {

Result<StepBackends> OpenStepBackends(const Store& store,
                                      const std::string& isolation,
                                      const std::string& snapshotter) {
  RETURN_IF_ERROR(sandbox::RemoveAbandonedScratch(store.temporary_directory()));
  StepBackends backends;
  ASSIGN_OR_RETURN(
      backends.sandbox,
      sandbox::ChooseSandbox(sandbox::EnterUserNamespace(), isolation,
                             store.temporary_directory()));
  ASSIGN_OR_RETURN(backends.snapshots,
                   store.OpenSnapshots(snapshotter, *backends.sandbox.sandbox));
  return backends;
}

}  // namespace strake::builder
