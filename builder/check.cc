#include "builder/check.h"

#include <utility>
#include <vector>

#include "builder/build_plan.h"
#include "builder/plan/update_config.h"
#include "builder/progress_reporter.h"
#include "builder/read_dockerfile.h"
#include "builder/store.h"
#include "dockerfile/outline.h"
#include "util/result_macros.h"
#include "util/suggest.h"

namespace strake::builder {
namespace {

// Stands for every image: nothing is known of it.
Result<plan::BaseImage> AssumeImage(const oci::Reference& reference,
                                    const oci::Platform& platform) {
  plan::BaseImage image;
  image.reference = reference;
  image.config = plan::ScratchConfig(platform);
  image.config_known = false;
  return image;
}

Result<DockerfileSource> ReadSource(const BuildOptions& options) {
  ASSIGN_OR_RETURN(Store store, Store::Open(options.store_directory));
  ProgressReporter progress(options.progress);
  registry::Client client(options.registry);
  ASSIGN_OR_RETURN(OpenedContexts contexts,
                   OpenContexts(options, store, client, progress));
  ASSIGN_OR_RETURN(
      DockerfileSource source,
      ReadDockerfile(options, contexts.folders.at(""), contexts.dockerfile));
  if (HasErrors(source.diagnostics)) {
    return InvalidArgument(
        FormatDiagnostics(source.diagnostics, source.name, source.text));
  }
  return source;
}

}  // namespace

Result<CheckReport> Check(const BuildOptions& options, CheckImages images) {
  ASSIGN_OR_RETURN(Store store, Store::Open(options.store_directory));
  ProgressReporter progress(options.progress);
  registry::Client client(options.registry);
  ASSIGN_OR_RETURN(OpenedContexts contexts,
                   OpenContexts(options, store, client, progress));
  ASSIGN_OR_RETURN(
      DockerfileSource source,
      ReadDockerfile(options, contexts.folders.at(""), contexts.dockerfile));
  CheckReport report;
  ASSIGN_OR_RETURN(plan::PlanOptions plan_options,
                   MakePlanOptions(options, source, contexts));
  plan_options.all_stages = options.target.empty();

  std::vector<dockerfile::Diagnostic> diagnostics;
  if (HasErrors(source.diagnostics)) {
    diagnostics = source.diagnostics;
  } else {
    context::ImageSource image_source(client, store.layout(),
                                      context::ImageSource::Policy::kStoreFirst,
                                      progress, options.stop);
    auto plan = MakeBuildPlan(source, plan_options, TargetPlatforms(options),
                              images == CheckImages::kAssume
                                  ? plan::ImageResolver(AssumeImage)
                                  : ResolveFrom(image_source),
                              diagnostics);
    if (!plan && !HasErrors(diagnostics)) return std::move(plan).error();
  }
  report.fails = HasErrors(diagnostics) ||
                 (plan_options.lint.error && !diagnostics.empty());
  report.file = {.filename = source.name,
                 .text = std::move(source.text),
                 .found = std::move(diagnostics)};
  return report;
}

Result<std::string> ListTargets(const BuildOptions& options,
                                CallFormat format) {
  ASSIGN_OR_RETURN(DockerfileSource source, ReadSource(options));
  auto targets = dockerfile::ListTargets(source.file);
  return format == CallFormat::kJson
             ? dockerfile::TargetsJson(targets, source.text)
             : dockerfile::FormatTargets(targets);
}

Result<std::string> Outline(const BuildOptions& options, CallFormat format) {
  ASSIGN_OR_RETURN(DockerfileSource source, ReadSource(options));
  auto target = source.file.FindTarget(options.target);
  if (!target) {
    std::vector<std::string> names;
    for (const dockerfile::Stage& stage : source.file.stages) {
      names.push_back(stage.name);
    }
    return InvalidArgument("target stage \"" + options.target +
                           "\" could not be found in " + source.name +
                           DidYouMean(options.target, names));
  }
  dockerfile::BuildArgs args;
  for (const auto& [name, value] : options.build_args) args[name] = value;
  auto outline = dockerfile::MakeOutline(source.file, *target, args);
  return format == CallFormat::kJson
             ? dockerfile::OutlineJson(outline, source.text)
             : dockerfile::FormatOutline(outline);
}

}  // namespace strake::builder
