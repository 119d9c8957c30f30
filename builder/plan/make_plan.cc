#include "builder/plan/make_plan.h"

#include <optional>
#include <utility>

#include "builder/plan/lower_stage.h"

namespace strake::builder::plan {

Result<BuildGraph> MakePlan(const dockerfile::Dockerfile& file,
                            const BaseImages& bases, const PlanOptions& options,
                            std::vector<dockerfile::Diagnostic>& diagnostics) {
  BuildGraph graph;
  std::vector<std::optional<LoweredStage>> stages(file.stages.size());
  LoweringContext context{file, bases, options, stages, graph, diagnostics};
  // A stage needs only stages before it.
  for (size_t i = 0; i < stages.size(); ++i) {
    if (bases.stages[i].reachable) stages[i] = LowerStage(context, i);
  }
  if (HasErrors(diagnostics)) {
    return InvalidArgument("the Dockerfile has errors");
  }
  LoweredStage& target = *stages[bases.target];
  graph.target.state = target.state;
  graph.target.layers = std::move(target.layers);
  graph.target.config = std::move(target.config);
  graph.target.base_history = target.base_history;
  for (const auto& [name, value] : options.labels) {
    graph.target.config.labels[name] = value;
  }
  return graph;
}

}  // namespace strake::builder::plan
