// One stage's instructions to vertices and configuration, expanding as it goes.

#ifndef STRAKE_BUILDER_PLAN_LOWER_STAGE_H_
#define STRAKE_BUILDER_PLAN_LOWER_STAGE_H_

#include <optional>
#include <string>
#include <vector>

#include "builder/plan/base_images.h"
#include "builder/plan/build_graph.h"
#include "builder/plan/plan_options.h"
#include "dockerfile/diagnostic.h"
#include "dockerfile/dockerfile.h"

namespace strake::builder::plan {

// A stage as its instructions leave it, and what a later `FROM stage` goes on
// with.
struct LoweredStage {
  VertexId state = 0;
  std::vector<VertexId> layers;  // as in `TargetImage`
  oci::ImageConfig config;
  size_t base_history = 0;
  bool base_known = true;       // as `BaseImage::config_known`
  bool workdir_is_set = false;  // here or in a stage it is built from
  // Variables of RUN and of expansion: ENV and ARG in the order they came, so
  // that the later of two with one name wins.
  VariableScope variables;
  // Names of the ARGs declared, each once, in order.
  std::vector<std::string> arg_names;
};

// What lowering reads and where it writes; all borrowed.
struct LoweringContext {
  const dockerfile::Dockerfile& file;
  const BaseImages& bases;
  const PlanOptions& options;
  // By stage index; those that `--from` may name are lowered already.
  const std::vector<std::optional<LoweredStage>>& stages;
  BuildGraph& graph;
  std::vector<dockerfile::Diagnostic>& diagnostics;
};

// Lowers stage `index`, which is reachable and whose dependencies are lowered.
// Mistakes are appended to the diagnostics, and lowering goes on behind them.
LoweredStage LowerStage(const LoweringContext& context, size_t index);

}  // namespace strake::builder::plan

#endif  // STRAKE_BUILDER_PLAN_LOWER_STAGE_H_
