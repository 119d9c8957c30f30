#include "builder/check.h"

#include <memory>
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

// A Dockerfile, and what it took to read it.
struct Reading {
  Reading(const BuildOptions& options, Store opened)
      : store(std::move(opened)),
        progress(options.progress),
        client(options.registry) {}

  Store store;
  ProgressReporter progress;
  registry::Client client;
  OpenedContexts contexts = {};
  DockerfileSource source = {};
};

Result<std::unique_ptr<Reading>> Read(const BuildOptions& options) {
  ASSIGN_OR_RETURN(Store store, Store::Open(options.store_directory));
  auto reading = std::make_unique<Reading>(options, std::move(store));
  ASSIGN_OR_RETURN(reading->contexts,
                   OpenContexts(options, reading->store, reading->client,
                                reading->progress));
  ASSIGN_OR_RETURN(reading->source,
                   ReadDockerfile(options, reading->contexts.folders.at(""),
                                  reading->contexts.dockerfile));
  return reading;
}

// A Dockerfile without errors.
Result<DockerfileSource> ReadSource(const BuildOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Reading> reading, Read(options));
  DockerfileSource& source = reading->source;
  if (HasErrors(source.diagnostics)) {
    return InvalidArgument(
        FormatDiagnostics(source.diagnostics, source.name, source.text));
  }
  return std::move(source);
}

}  // namespace

Result<CheckReport> Check(const BuildOptions& options, CheckImages images) {
  ASSIGN_OR_RETURN(std::unique_ptr<Reading> reading, Read(options));
  DockerfileSource& source = reading->source;
  CheckReport report;
  ASSIGN_OR_RETURN(plan::PlanOptions plan_options,
                   MakePlanOptions(options, source, reading->contexts));
  plan_options.all_stages = options.target.empty();

  std::vector<dockerfile::Diagnostic> diagnostics;
  if (HasErrors(source.diagnostics)) {
    diagnostics = source.diagnostics;
  } else {
    context::ImageSource image_source(reading->client, reading->store.layout(),
                                      context::ImageSource::Policy::kStoreFirst,
                                      reading->progress, options.stop);
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
