#include "builder/build.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

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
#include "builder/sandbox/probe_sandbox.h"
#include "builder/sandbox/user_namespace.h"
#include "builder/solve/solver.h"
#include "builder/store.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder {
namespace {

using plan::BuildGraph;
using plan::PlanOptions;

// SOURCE_DATE_EPOCH: the build argument, a global ARG's default, the option.
Result<std::optional<oci::Timestamp>> FindEpoch(
    const BuildOptions& options, const plan::BuildArgs& args,
    const dockerfile::Dockerfile& file) {
  std::optional<int64_t> seconds = options.source_date_epoch;
  std::optional<std::string> text = args.Find("SOURCE_DATE_EPOCH");
  for (const dockerfile::Instruction& instruction : file.global_args) {
    for (const auto& entry : instruction.As<dockerfile::Arg>()->entries) {
      if (!text && entry.key == "SOURCE_DATE_EPOCH") text = entry.value;
    }
  }
  if (text && !text->empty()) {
    seconds = ParseInt(*text);
    if (!seconds) {
      return InvalidArgument("SOURCE_DATE_EPOCH=" + *text +
                             ": expected seconds since 1970");
    }
  }
  if (!seconds) return std::optional<oci::Timestamp>();
  return std::optional(oci::Timestamp(std::chrono::seconds(*seconds)));
}

// The lint CopyIgnoredFile speaks only of ignore files without exceptions.
std::function<bool(const std::string&)> IgnoredBy(
    const context::BuildContext& context) {
  const context::IgnoreRules* rules = context.ignore();
  if (rules == nullptr || rules->matcher.has_exceptions()) return {};
  return [rules](const std::string& path) {
    if (!path.empty()) return rules->matcher.Excludes(path);
    const auto& patterns = rules->matcher.patterns();
    return std::any_of(
        patterns.begin(), patterns.end(), [](const std::string& pattern) {
          return pattern == "*" || pattern == "**" || pattern == "**/*";
        });
  };
}

Result<PlanOptions> MakePlanOptions(const BuildOptions& options,
                                    const DockerfileSource& source,
                                    const context::ContextMap& contexts) {
  PlanOptions plan;
  plan.filename = source.name;
  plan.source_text = source.text;
  plan.target = options.target;
  plan.build_args = plan::BuildArgs(options.build_args);
  plan.labels = options.labels;
  plan.build_platform = oci::HostPlatform();
  plan.target_platform = plan.build_platform;
  if (options.platforms.size() > 1) {
    return Unsupported(
        "building for several platforms at once is not supported yet: build "
        "each by itself");
  }
  if (!options.platforms.empty()) {
    plan.target_platform = oci::NormalizePlatform(options.platforms.front());
  }
  for (const auto& [name, context] : contexts) {
    if (!name.empty()) plan.named_contexts.insert(name);
  }
  plan.network = options.network == NetworkMode::kNone
                     ? plan::RunOp::Network::kNone
                     : plan::RunOp::Network::kHost;
  plan.extra_hosts = options.extra_hosts;
  plan.allow_insecure = options.allow_insecure;
  ASSIGN_OR_RETURN(
      plan.lint, LintConfigFor(source.file, plan.build_args.Find(
                                                "BUILDKIT_DOCKERFILE_CHECK")));
  plan.is_ignored = IgnoredBy(contexts.at(""));
  return plan;
}

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
          FormatDiagnostic(diagnostic, plan.filename, plan.source_text));
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

struct Plan {
  BuildGraph graph;
  std::vector<oci::Reference> bases;  // whose layers a registry may lend
};

// Every variable is expanded and every configuration known when this is done.
Result<Plan> MakeBuildPlan(const DockerfileSource& source,
                           const PlanOptions& options,
                           const context::ImageSource& images,
                           std::vector<std::string>& warnings) {
  std::vector<dockerfile::Diagnostic> diagnostics = source.diagnostics;
  auto resolve = [&](const oci::Reference& reference,
                     const oci::Platform& platform) -> Result<plan::BaseImage> {
    ASSIGN_OR_RETURN(context::SourceImage image,
                     images.Resolve(reference, platform));
    return plan::BaseImage{std::move(image.reference),
                           std::move(image.manifest), std::move(image.layers),
                           std::move(image.config)};
  };
  auto bases =
      plan::ResolveBaseImages(source.file, options, resolve, diagnostics);
  if (!bases) {
    RETURN_IF_ERROR(Report(diagnostics, options, warnings));
    return std::move(bases).error();
  }
  dockerfile::LintOptions lint;
  lint.config = options.lint;
  lint.stages.emplace();
  for (size_t i = 0; i < bases->stages.size(); ++i) {
    if (bases->stages[i].reachable) lint.stages->push_back(i);
  }
  for (dockerfile::Diagnostic& finding : Lint(source.file, lint)) {
    diagnostics.push_back(std::move(finding));
  }
  auto graph = plan::MakePlan(source.file, *bases, options, diagnostics);
  SortByPlace(diagnostics);
  RETURN_IF_ERROR(Report(diagnostics, options, warnings));
  if (!graph) return std::move(graph).error();
  Plan made{*std::move(graph), {}};
  for (const auto& [key, image] : bases->images) {
    made.bases.push_back(image.reference);
  }
  return made;
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

Result<context::ContextMap> OpenContexts(const BuildOptions& options,
                                         const Store& store,
                                         std::optional<std::string>& text) {
  context::ContextMap contexts;
  context::LocalContextOptions local;
  local.hidden_paths = {store.directory()};
  for (const auto& [name, path] : options.named_contexts) {
    auto named = context::OpenLocalContext(path, local);
    if (!named) {
      return std::move(named).error().Wrap("build context \"" + name + "\"");
    }
    contexts.emplace(name, *std::move(named));
  }
  if (options.context.tar_fd >= 0) {
    FdSource stream(options.context.tar_fd);
    ASSIGN_OR_RETURN(
        context::StreamContext main,
        context::OpenStreamContext(stream, store.temporary_directory()));
    contexts.emplace("", std::move(main.context));
    if (main.dockerfile) text = std::move(main.dockerfile);
    return contexts;
  }
  local.dockerfile_path = DockerfilePath(options);
  auto main = context::OpenLocalContext(options.context.path, local);
  if (!main) {
    return std::move(main).error().Wrap("build context " +
                                        options.context.path);
  }
  contexts.emplace("", *std::move(main));
  return contexts;
}

// What steps are carried out with. Holds everything that `environment` and
// `services` borrow, so it is neither copied nor moved.
struct Workshop {
  Workshop(const BuildOptions& options, const Store& store,
           snapshot::SnapshotterChoice snapshots, cache::CacheIndex index,
           std::unique_ptr<cache::StatCache> stat_cache,
           const context::ContextMap& contexts,
           const context::ImageSource& images, ProgressReporter& progress)
      : snapshots(std::move(snapshots)),
        sandbox(sandbox::ProbeSandbox(sandbox::EnterUserNamespace())),
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
  ASSIGN_OR_RETURN(snapshot::SnapshotterChoice snapshots,
                   store.OpenSnapshots(options.snapshotter));
  ASSIGN_OR_RETURN(cache::CacheIndex index,
                   cache::CacheIndex::Open(store.cache_index_path()));
  ASSIGN_OR_RETURN(std::unique_ptr<cache::StatCache> stat_cache,
                   cache::StatCache::Open(store.stat_cache_path()));
  auto workshop = std::make_unique<Workshop>(
      options, store, std::move(snapshots), std::move(index),
      std::move(stat_cache), contexts, images, progress);
  for (const SecretSource& secret : options.secrets) {
    workshop->secrets.Add(secret.id, secret.value);
  }
  workshop->secrets.ssh_sockets = options.ssh_sockets;
  if (epoch) workshop->environment.epoch = epoch->time_since_epoch();
  return workshop;
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

std::string PrepareProcess() { return sandbox::EnterUserNamespace().reason; }

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
  ASSIGN_OR_RETURN(
      Plan plan, MakeBuildPlan(source, plan_options, images, result.warnings));
  // Every variable is now expanded, every image pinned; the Dockerfile is done
  // with.

  ASSIGN_OR_RETURN(
      std::unique_ptr<Workshop> workshop,
      OpenWorkshop(options, store, contexts, images, epoch, progress));
  solve::SolveOptions solve_options = MakeSolveOptions(options, outputs, epoch);
  std::optional<solve::SolveFailure> failure;
  auto solved =
      solve::Solve(plan.graph, workshop->services, solve_options, &failure);
  if (!solved) {
    return LocateFailure(std::move(solved).error(), failure, plan.graph,
                         plan_options);
  }
  result.steps_executed = solved->executed;
  result.steps_cached = solved->cached;
  // Snapshots are now immutable, and every new layer has a descriptor.

  exporter::AssembledImage image;
  if (solve_options.need_layers) {
    ASSIGN_OR_RETURN(
        image, Assemble(plan.graph, *solved, epoch, images, store, progress));
  }
  result.image = image.manifest;
  result.config = image.config.digest;
  exporter::ExportContext context{
      image,  store.layout(), solved->root, *workshop->snapshots.snapshotter,
      client, plan.bases,     progress,     options.stop};
  ASSIGN_OR_RETURN(result.names, exporter::Export(outputs, tags, context));
  RETURN_IF_ERROR(workshop->stat_cache->Flush());
  return result;
}

}  // namespace strake::builder
