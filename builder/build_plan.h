// From options to a build graph: images pinned, instructions lowered. What
// `Build` and `Check` have in common.

#ifndef STRAKE_BUILDER_BUILD_PLAN_H_
#define STRAKE_BUILDER_BUILD_PLAN_H_

#include <optional>
#include <string>
#include <vector>

#include "builder/build.h"
#include "builder/context/build_context.h"
#include "builder/context/image_source.h"
#include "builder/open_contexts.h"
#include "builder/plan/build_graph.h"
#include "builder/plan/plan_options.h"
#include "builder/read_dockerfile.h"
#include "builder/store.h"
#include "dockerfile/diagnostic.h"
#include "oci/image_config.h"
#include "util/result.h"

namespace strake::builder {

Result<plan::PlanOptions> MakePlanOptions(const BuildOptions& options,
                                          const DockerfileSource& source,
                                          const OpenedContexts& contexts);

// SOURCE_DATE_EPOCH: the build argument, a global ARG's default, the option.
Result<std::optional<oci::Timestamp>> FindEpoch(
    const BuildOptions& options, const plan::BuildArgs& args,
    const dockerfile::Dockerfile& file);

// Those asked for, each once, in their order; the host's where there is none.
std::vector<oci::Platform> TargetPlatforms(const BuildOptions& options);

// Whether the result is an image index: for several platforms, and where the
// build argument BUILDKIT_MULTI_PLATFORM wishes it for a single one.
bool MakesIndex(const BuildOptions& options, const plan::BuildArgs& args);

struct BuildPlan {
  plan::BuildGraph graph;             // a target for each platform
  std::vector<oci::Reference> bases;  // whose layers a registry may lend
  std::vector<ImageDependency> dependencies;
};

//   platforms  whose images are made; that in `options` does not count
// Findings of every kind are appended to `diagnostics`, sorted by place; with
// an error among them the result is `kInvalidArgument`.
Result<BuildPlan> MakeBuildPlan(
    const DockerfileSource& source, const plan::PlanOptions& options,
    const std::vector<oci::Platform>& platforms,
    const plan::ImageResolver& resolve,
    std::vector<dockerfile::Diagnostic>& diagnostics);

// Asks `images`, which must outlive it.
plan::ImageResolver ResolveFrom(const context::ImageSource& images);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_BUILD_PLAN_H_
