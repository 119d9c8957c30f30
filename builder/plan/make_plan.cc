#include "builder/plan/make_plan.h"

#include <optional>
#include <utility>

#include "builder/plan/lower_stage.h"
#include "util/result_macros.h"

namespace strake::builder::plan {
namespace {

// An image is for the platform that was asked for, also where its files are
// those of a base for another one. What only the base knows stays its own,
// unless the base is for something else altogether.
void SetPlatform(const PlanOptions& options, oci::Platform& platform) {
  if (!options.platform_is_explicit) return;
  const oci::Platform& wanted = options.target_platform;
  bool same =
      platform.os == wanted.os && platform.architecture == wanted.architecture;
  if (!same) {
    platform = wanted;
    return;
  }
  if (!wanted.variant.empty()) platform.variant = wanted.variant;
  if (!wanted.os_version.empty()) platform.os_version = wanted.os_version;
}

}  // namespace

Status AddToPlan(const dockerfile::Dockerfile& file, const BaseImages& bases,
                 const PlanOptions& options, BuildGraph& graph,
                 std::vector<dockerfile::Diagnostic>& diagnostics) {
  std::vector<std::optional<LoweredStage>> stages(file.stages.size());
  LoweringContext context{file, bases, options, stages, graph, diagnostics};
  // A stage needs only stages before it.
  for (size_t i = 0; i < stages.size(); ++i) {
    if (bases.stages[i].reachable) stages[i] = LowerStage(context, i);
  }
  if (HasErrors(diagnostics)) {
    return InvalidArgument("the Dockerfile has errors");
  }
  LoweredStage& lowered = *stages[bases.target];
  TargetImage target;
  target.state = lowered.state;
  target.layers = std::move(lowered.layers);
  target.config = std::move(lowered.config);
  target.base_history = lowered.base_history;
  for (const auto& [name, value] : options.labels) {
    target.config.labels[name] = value;
  }
  SetPlatform(options, target.config.platform);
  graph.targets.push_back(std::move(target));
  return {};
}

Result<BuildGraph> MakePlan(const dockerfile::Dockerfile& file,
                            const BaseImages& bases, const PlanOptions& options,
                            std::vector<dockerfile::Diagnostic>& diagnostics) {
  BuildGraph graph;
  RETURN_IF_ERROR(AddToPlan(file, bases, options, graph, diagnostics));
  return graph;
}

}  // namespace strake::builder::plan
