#include "builder/build.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "builder/build_plan.h"
#include "builder/cache/cache_index.h"
#include "builder/cache/stat_cache.h"
#include "builder/context/build_context.h"
#include "builder/context/http_source.h"
#include "builder/context/image_source.h"
#include "builder/context/secrets.h"
#include "builder/export/assemble_image.h"
#include "builder/export/export.h"
#include "builder/plan/base_images.h"
#include "builder/plan/make_plan.h"
#include "builder/progress_reporter.h"
#include "builder/read_dockerfile.h"
#include "builder/sandbox/backends.h"
#include "builder/sandbox/probe_sandbox.h"
#include "builder/sandbox/scratch_directory.h"
#include "builder/sandbox/user_namespace.h"
#include "builder/solve/solver.h"
#include "builder/store.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder {
namespace {

using plan::BuildGraph;
using plan::PlanOptions;

// One error for all findings that are errors; warnings go to `warnings`.
Status Report(const std::vector<dockerfile::Diagnostic>& diagnostics,
              const PlanOptions& plan, std::vector<std::string>& warnings) {
  std::vector<dockerfile::Diagnostic> errors;
  std::vector<dockerfile::Diagnostic> findings;
  for (const dockerfile::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity == dockerfile::Severity::kError) {
      errors.push_back(diagnostic);
    } else {
      findings.push_back(diagnostic);
      warnings.push_back(
          (diagnostic.rule.empty() ? "" : diagnostic.rule + ": ") +
          diagnostic.message + " (line " +
          std::to_string(diagnostic.range.start_line) + ")");
    }
  }
  if (!errors.empty()) {
    return InvalidArgument(
        FormatDiagnostics(errors, plan.filename, plan.source_text));
  }
  if (plan.lint.error && !findings.empty()) {
    return InvalidArgument(
        FormatDiagnostics(findings, plan.filename, plan.source_text) + "\n" +
        dockerfile::LintFailure(findings));
  }
  return {};
}

// What failed, with the instruction's lines of the Dockerfile.
Error LocateFailure(Error error,
                    const std::optional<solve::SolveFailure>& failure,
                    const BuildGraph& graph, const PlanOptions& plan) {
  if (!failure || !failure->vertex || error.code() == ErrorCode::kCancelled) {
    return error;
  }
  const plan::Vertex& vertex = graph.vertex(*failure->vertex);
  if (vertex.first_line == 0) return error;
  dockerfile::SourceRange range;
  range.start_line = static_cast<int>(vertex.first_line);
  range.start_column = 1;
  range.end_line = range.start_line;
  range.end_column = 1;
  return Error(error.code(),
               FormatDiagnostic(dockerfile::MakeError(error.message(), range),
                                plan.filename, plan.source_text));
}

Result<std::vector<std::string>> NormalizeNames(
    const std::vector<std::string>& names) {
  std::vector<std::string> normal;
  for (const std::string& name : names) {
    auto reference = oci::ParseReference(name);
    if (!reference) {
      return std::move(reference).error().Wrap("invalid tag \"" + name + "\"");
    }
    if (reference->digest) {
      return InvalidArgument("invalid tag \"" + name +
                             "\": a digest is not for the user to choose");
    }
    normal.push_back(oci::WithDefaultTag(*std::move(reference)).ToString());
  }
  return normal;
}

// The outputs asked for, with normal names.
Result<std::vector<Output>> FindOutputs(const BuildOptions& options) {
  std::vector<Output> outputs = options.outputs;
  if (outputs.empty()) outputs.emplace_back();
  for (Output& output : outputs) {
    ASSIGN_OR_RETURN(output.names, NormalizeNames(output.names));
    if (output.kind == Output::Kind::kRegistry && output.names.empty() &&
        options.tags.empty()) {
      return InvalidArgument("tag is needed when pushing to registry");
    }
  }
  return outputs;
}

// What an output may need of the base, whether a step read its files or not.
Status FetchBaseLayers(const plan::ImageOp& base,
                       const context::ImageSource& images,
                       ProgressReporter& progress) {
  if (images.HasLayers(base.layers)) return {};
  ProgressStep step(progress,
                    "[internal] layers of " + base.reference.ToString());
  return step.EndWith(
      images.FetchLayers(base.reference, base.layers, step.id()));
}

// What steps are carried out with. Holds everything that `environment` and
// `services` borrow, so it is neither copied nor moved.
struct Workshop {
  Workshop(const BuildOptions& options, const Store& store,
           snapshot::SnapshotterChoice snapshots,
           sandbox::SandboxChoice chosen_sandbox, cache::CacheIndex index,
           std::unique_ptr<cache::StatCache> stat_cache,
           const context::ContextMap& contexts,
           const context::ImageSource& images, ProgressReporter& progress)
      : snapshots(std::move(snapshots)),
        sandbox(std::move(chosen_sandbox)),
        index(std::move(index)),
        stat_cache(std::move(stat_cache)),
        http(options.registry, store.blobs(), secrets, store.fetched_path()),
        environment{*this->snapshots.snapshotter,
                    *sandbox.sandbox,
                    contexts,
                    secrets,
                    store.blobs(),
                    http,
                    store.temporary_directory(),
                    store.mounts_directory(),
                    {}},
        services{environment,
                 store.blobs(),
                 this->index,
                 *this->stat_cache,
                 [&images](const plan::ImageOp& image,
                           const std::vector<oci::Descriptor>& layers,
                           uint64_t step) {
                   return images.FetchLayers(image.reference, layers, step);
                 },
                 progress} {}
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  snapshot::SnapshotterChoice snapshots;
  sandbox::SandboxChoice sandbox;
  cache::CacheIndex index;
  std::unique_ptr<cache::StatCache> stat_cache;
  context::Secrets secrets;
  context::HttpSource http;
  ops::ExecuteEnvironment environment;
  solve::SolveServices services;
};

Result<std::unique_ptr<Workshop>> OpenWorkshop(
    const BuildOptions& options, const Store& store,
    const context::ContextMap& contexts, const context::ImageSource& images,
    const std::optional<oci::Timestamp>& epoch, ProgressReporter& progress) {
  // What strakes that were killed have left behind.
  RETURN_IF_ERROR(store.blobs().RemoveAbandonedIngests());
  RETURN_IF_ERROR(sandbox::RemoveAbandonedScratch(store.temporary_directory()));
  ASSIGN_OR_RETURN(
      sandbox::SandboxChoice sandbox,
      sandbox::ChooseSandbox(sandbox::EnterUserNamespace(), options.isolation,
                             store.temporary_directory()));
  ASSIGN_OR_RETURN(snapshot::SnapshotterChoice snapshots,
                   store.OpenSnapshots(options.snapshotter, *sandbox.sandbox));
  RETURN_IF_ERROR(snapshots.snapshotter->RemoveAbandoned());
  ASSIGN_OR_RETURN(cache::CacheIndex index,
                   cache::CacheIndex::Open(store.cache_index_path()));
  ASSIGN_OR_RETURN(std::unique_ptr<cache::StatCache> stat_cache,
                   cache::StatCache::Open(store.stat_cache_path()));
  auto workshop = std::make_unique<Workshop>(
      options, store, std::move(snapshots), std::move(sandbox),
      std::move(index), std::move(stat_cache), contexts, images, progress);
  for (const SecretSource& secret : options.secrets) {
    workshop->secrets.Add(secret.id, secret.value);
  }
  workshop->secrets.ssh_sockets = options.ssh_sockets;
  workshop->secrets.git_environment = options.git_environment;
  if (epoch) workshop->environment.epoch = epoch->time_since_epoch();
  return workshop;
}

bool HasRun(const BuildGraph& graph) {
  return std::ranges::any_of(graph.vertices(), [](const plan::Vertex& vertex) {
    return std::holds_alternative<plan::RunOp>(vertex.op);
  });
}

solve::SolveOptions MakeSolveOptions(
    const BuildOptions& options, const std::vector<Output>& outputs,
    const std::optional<oci::Timestamp>& epoch) {
  solve::SolveOptions solve;
  solve.no_cache = options.no_cache;
  solve.jobs =
      options.jobs > 0
          ? options.jobs
          : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  solve.compression = options.compression;
  if (options.rewrite_timestamp) solve.layers.clamp_mtime = epoch;
  solve.need_layers =
      std::any_of(outputs.begin(), outputs.end(), exporter::NeedsImage);
  solve.need_root =
      std::any_of(outputs.begin(), outputs.end(), exporter::NeedsRoot);
  solve.stop = options.stop;
  return solve;
}

Result<exporter::AssembledImage> Assemble(
    const BuildGraph& graph, const solve::SolveResult& solved,
    const std::optional<oci::Timestamp>& epoch,
    const context::ImageSource& images, const Store& store,
    ProgressReporter& progress) {
  ASSIGN_OR_RETURN(
      exporter::AssembledImage image,
      exporter::AssembleImage(graph, solved, std::chrono::system_clock::now(),
                              epoch, store.blobs()));
  if (!image.base_layers.empty()) {
    const auto& base =
        std::get<plan::ImageOp>(graph.vertex(graph.target.layers.front()).op);
    RETURN_IF_ERROR(FetchBaseLayers(base, images, progress));
  }
  return image;
}

}  // namespace

std::string PrepareProcess(std::string_view isolation) {
  return sandbox::EnterUserNamespace(sandbox::WishFor(isolation)).reason;
}

Result<BuildResult> Build(const BuildOptions& options) {
  // Mistakes in the options come before any work.
  ASSIGN_OR_RETURN(std::vector<std::string> tags, NormalizeNames(options.tags));
  ASSIGN_OR_RETURN(std::vector<Output> outputs, FindOutputs(options));
  ASSIGN_OR_RETURN(Store store, Store::Open(options.store_directory));
  ProgressReporter progress(options.progress);
  std::optional<std::string> text = options.dockerfile_text;
  ASSIGN_OR_RETURN(context::ContextMap contexts,
                   OpenContexts(options, store, text));
  ASSIGN_OR_RETURN(DockerfileSource source,
                   ReadDockerfile(options, contexts.at(""), text));
  if (HasErrors(source.diagnostics)) {
    return InvalidArgument(
        FormatDiagnostics(source.diagnostics, source.name, source.text));
  }
  ASSIGN_OR_RETURN(PlanOptions plan_options,
                   MakePlanOptions(options, source, contexts));
  ASSIGN_OR_RETURN(std::optional<oci::Timestamp> epoch,
                   FindEpoch(options, plan_options.build_args, source.file));

  registry::Client client(options.registry);
  using Policy = context::ImageSource::Policy;
  context::ImageSource images(
      client, store.layout(),
      options.pull ? Policy::kAlwaysResolve : Policy::kStoreFirst, progress,
      options.stop);
  BuildResult result;
  std::vector<dockerfile::Diagnostic> findings;
  auto plan =
      MakeBuildPlan(source, plan_options, ResolveFrom(images), findings);
  RETURN_IF_ERROR(Report(findings, plan_options, result.warnings));
  if (!plan) return std::move(plan).error();
  // Every variable is now expanded, every image pinned; the Dockerfile is done
  // with.

  ASSIGN_OR_RETURN(
      std::unique_ptr<Workshop> workshop,
      OpenWorkshop(options, store, contexts, images, epoch, progress));
  if (HasRun(plan->graph)) {
    ProgressStep(progress, "[internal] isolation " + workshop->sandbox.reason);
  }
  solve::SolveOptions solve_options = MakeSolveOptions(options, outputs, epoch);
  std::optional<solve::SolveFailure> failure;
  auto solved =
      solve::Solve(plan->graph, workshop->services, solve_options, &failure);
  if (!solved) {
    return LocateFailure(std::move(solved).error(), failure, plan->graph,
                         plan_options);
  }
  result.steps_executed = solved->executed;
  result.steps_cached = solved->cached;
  // Snapshots are now immutable, and every new layer has a descriptor.

  exporter::AssembledImage image;
  if (solve_options.need_layers) {
    ASSIGN_OR_RETURN(
        image, Assemble(plan->graph, *solved, epoch, images, store, progress));
    result.image = image.manifest;
    result.config = image.config.digest;
  }
  exporter::ExportContext context{
      image,  store.layout(), solved->root, *workshop->snapshots.snapshotter,
      client, plan->bases,    progress,     options.stop};
  ASSIGN_OR_RETURN(result.names, exporter::Export(outputs, tags, context));
  RETURN_IF_ERROR(workshop->stat_cache->Flush());
  return result;
}

}  // namespace strake::builder
