// A Dockerfile and its resolved bases to one build graph. Pure: no file, no
// network, no clock.

#ifndef STRAKE_BUILDER_PLAN_MAKE_PLAN_H_
#define STRAKE_BUILDER_PLAN_MAKE_PLAN_H_

#include <vector>

#include "builder/plan/base_images.h"
#include "builder/plan/build_graph.h"
#include "builder/plan/plan_options.h"
#include "dockerfile/diagnostic.h"
#include "dockerfile/dockerfile.h"
#include "util/result.h"

namespace strake::builder::plan {

// Adds the image for `options.target_platform` to `graph`, as its last target;
// vertices that the graph has already are shared. Findings go to
// `diagnostics`; with an error among them the result is `kInvalidArgument`.
Status AddToPlan(const dockerfile::Dockerfile& file, const BaseImages& bases,
                 const PlanOptions& options, BuildGraph& graph,
                 std::vector<dockerfile::Diagnostic>& diagnostics);

// A graph of that image alone.
Result<BuildGraph> MakePlan(const dockerfile::Dockerfile& file,
                            const BaseImages& bases, const PlanOptions& options,
                            std::vector<dockerfile::Diagnostic>& diagnostics);

}  // namespace strake::builder::plan

#endif  // STRAKE_BUILDER_PLAN_MAKE_PLAN_H_
