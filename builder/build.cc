#include "builder/build.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <thread>
#include <utility>

#include "builder/build_plan.h"
#include "builder/cache/explain.h"
#include "builder/context/build_context.h"
#include "builder/context/image_source.h"
#include "builder/export/assemble_image.h"
#include "builder/export/cache_output.h"
#include "builder/export/early_uploads.h"
#include "builder/export/export.h"
#include "builder/export/shape_image.h"
#include "builder/open_contexts.h"
#include "builder/output_names.h"
#include "builder/plan/base_images.h"
#include "builder/plan/make_plan.h"
#include "builder/progress_reporter.h"
#include "builder/read_dockerfile.h"
#include "builder/sandbox/backends.h"
#include "builder/sandbox/user_namespace.h"
#include "builder/solve/solver.h"
#include "builder/squash.h"
#include "builder/store.h"
#include "builder/travelling_mounts.h"
#include "builder/workshop.h"
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

bool HasRun(const BuildGraph& graph) {
  return std::ranges::any_of(graph.vertices(), [](const plan::Vertex& vertex) {
    return std::holds_alternative<plan::RunOp>(vertex.op);
  });
}

bool HasKind(const std::vector<CacheExport>& exports, CacheExport::Kind kind) {
  return std::ranges::find(exports, kind, &CacheExport::kind) != exports.end();
}

// Steps at once where nobody says. Most of what steps do is to wait for
// networks and disks: fewer than four leave a small machine idle.
int DefaultJobs() {
  constexpr unsigned kFewest = 4;
  return static_cast<int>(
      std::max(kFewest, std::thread::hardware_concurrency()));
}

solve::SolveOptions MakeSolveOptions(
    const BuildOptions& options, const std::vector<Output>& outputs,
    const std::optional<oci::Timestamp>& epoch) {
  solve::SolveOptions solve;
  solve.no_cache = options.no_cache;
  solve.explain = options.explain;
  solve.jobs = options.jobs > 0 ? options.jobs : DefaultJobs();
  const auto form = exporter::CommonLayerForm(outputs);
  solve.compression = form ? form->compression : options.compression;
  if (options.rewrite_timestamp) solve.layers.clamp_mtime = epoch;
  solve.need_layers = std::ranges::any_of(outputs, exporter::NeedsImage);
  solve.need_blobs = std::ranges::any_of(outputs, exporter::NeedsBlobs);
  solve.need_root =
      options.squash || std::ranges::any_of(outputs, exporter::NeedsRoot);
  for (const CacheExport& spec : options.cache_to) {
    if (spec.kind == CacheExport::Kind::kInline) {
      solve.collect_of_images = true;
    } else {
      (spec.every_step ? solve.collect_all : solve.collect_of_layers) = true;
    }
  }
  solve.stop = options.stop;
  return solve;
}

// A cache does not tell later times than the image that came of it.
void ClampTimes(cache::PortableCache& cache,
                const std::optional<oci::Timestamp>& epoch) {
  if (!epoch) return;
  for (auto& [key, record] : cache.records) {
    record.created = std::min(record.created, *epoch);
  }
}

// All that a build is made from, once planned; all borrowed.
struct Job {
  const BuildOptions& options;
  const PlanOptions& plan_options;
  const BuildPlan& plan;
  const std::vector<Output>& outputs;
  const std::optional<oci::Timestamp>& epoch;
  const context::ImageSource& images;
  const registry::Client& client;
  const Store& store;
  ProgressReporter& progress;

  // The image that the target is built on; null where it is none.
  const plan::ImageOp* BaseOf(const plan::TargetImage& target) const {
    if (target.layers.empty()) return nullptr;
    return std::get_if<plan::ImageOp>(
        &plan.graph.vertex(target.layers.front()).op);
  }
};

// An inline cache tells of layers in the form that the steps give; an output
// may want others.
Status CheckTakesInlineCache(const BuildOptions& options,
                             const std::vector<Output>& outputs) {
  if (!HasKind(options.cache_to, CacheExport::Kind::kInline)) return {};
  const auto common = exporter::CommonLayerForm(outputs);
  oci::LayerForm made;
  made.compression = common ? common->compression : options.compression;
  for (const Output& output : outputs) {
    if (!output.IsImage() || !output.layers || *output.layers == made) continue;
    const std::string_view form =
        output.layers->estargz
            ? "estargz"
            : oci::CompressionName(output.layers->compression.algorithm);
    return InvalidArgument(
        "--output with compression=" + std::string(form) +
        " and --cache-to type=inline exclude each other here: the layers are "
        "compressed anew for this output, and the cache would tell of layers "
        "that the image has not. Write all images in one compression other "
        "than estargz, or the cache to type=registry");
  }
  return {};
}

// What an image may tell of itself: layers that it has.
cache::PortableCache InlineCache(const solve::SolvedImage& image) {
  cache::PortableCache cache = image.cache;
  std::set<oci::Digest> own;
  for (const solve::SolvedLayer& layer : image.layers) {
    own.insert(layer.blob.descriptor.digest);
  }
  std::erase_if(cache.layers, [&](const auto& entry) {
    return !own.contains(entry.second.descriptor.digest);
  });
  return cache;
}

Result<exporter::AssembledImage> AssembleTarget(
    const Job& job, const plan::TargetImage& target,
    const solve::SolvedImage& solved_image, oci::Timestamp now) {
  const bool with_cache =
      HasKind(job.options.cache_to, CacheExport::Kind::kInline);
  const cache::PortableCache inline_cache = InlineCache(solved_image);
  ASSIGN_OR_RETURN(
      exporter::AssembledImage image,
      exporter::AssembleImage(job.plan.graph, target, solved_image, now,
                              job.epoch, with_cache ? &inline_cache : nullptr,
                              job.store.blobs()));
  const bool needed = std::ranges::any_of(job.outputs, exporter::NeedsBlobs);
  const plan::ImageOp* base = job.BaseOf(target);
  if (needed && base != nullptr) {
    RETURN_IF_ERROR(FetchBaseLayers(*base, job.images, job.progress));
  }
  return image;
}

Result<exporter::AssembledImage> Squash(const Job& job, Workshop& workshop,
                                        const solve::SolveOptions& options,
                                        const plan::TargetImage& target,
                                        const snapshot::SnapshotId& root,
                                        const exporter::AssembledImage& image) {
  const plan::ImageOp* base = job.BaseOf(target);
  ProgressStep step(job.progress, "squashing");
  SquashOptions squash{base,
                       root,
                       *workshop.snapshots.snapshotter,
                       job.store.blobs(),
                       options.compression,
                       options.layers,
                       {},
                       job.options.stop};
  squash.layers.windows = target.config.platform.os == "windows";
  squash.fetch = [&](const std::vector<oci::Descriptor>& layers) {
    return job.images.FetchLayers(base->reference, layers, step.id());
  };
  return step.EndWith(SquashImage(image, squash));
}

// The image, or the index over those of all platforms.
Result<exporter::AssembledImage> Assemble(const Job& job, Workshop& workshop,
                                          const solve::SolveOptions& options,
                                          const solve::SolveResult& solved) {
  const auto now = std::chrono::system_clock::now();
  const std::vector<plan::TargetImage>& targets = job.plan.graph.targets;
  std::vector<exporter::AssembledImage> images;
  for (size_t i = 0; i < targets.size(); ++i) {
    ASSIGN_OR_RETURN(exporter::AssembledImage image,
                     AssembleTarget(job, targets[i], solved.images[i], now));
    if (job.options.squash) {
      ASSIGN_OR_RETURN(image, Squash(job, workshop, options, targets[i],
                                     solved.images[i].root, image));
    }
    images.push_back(std::move(image));
  }
  if (!MakesIndex(job.options, job.plan_options.build_args)) {
    return std::move(images.front());
  }
  return exporter::AssembleIndex(images, job.store.blobs());
}

std::vector<exporter::ExportedRoot> RootsOf(const BuildGraph& graph,
                                            const solve::SolveResult& solved) {
  std::vector<exporter::ExportedRoot> roots;
  for (size_t i = 0; i < graph.targets.size(); ++i) {
    roots.push_back({graph.targets[i].config.platform, solved.images[i].root});
  }
  return roots;
}

// The base image whose layer `layer` is; null: no target's.
const plan::ImageOp* BaseWith(const Job& job, const oci::Descriptor& layer) {
  for (const plan::TargetImage& target : job.plan.graph.targets) {
    const plan::ImageOp* base = job.BaseOf(target);
    if (base == nullptr) continue;
    auto it =
        std::ranges::find(base->layers, layer.digest, &oci::Descriptor::digest);
    if (it != base->layers.end()) return base;
  }
  return nullptr;
}

// Brings a layer that goes to a registry into the store: of the base image, or
// of a cache.
Status FetchLayer(const Job& job, const cache::ImportedCache& imported,
                  const oci::Descriptor& layer) {
  const plan::ImageOp* base = BaseWith(job, layer);
  if (base == nullptr) return imported.Fetch(layer);
  plan::ImageOp one = *base;
  one.layers = {layer};
  return FetchBaseLayers(one, job.images, job.progress);
}

// Where a registry has it.
std::optional<oci::Reference> RepositoryOf(const Job& job,
                                           const oci::Descriptor& layer) {
  const plan::ImageOp* base = BaseWith(job, layer);
  if (base == nullptr) return {};
  return base->reference;
}

Status ExportCaches(const Job& job, const solve::SolveResult& solved,
                    Workshop& workshop,
                    const exporter::ExportContext& context) {
  for (const CacheExport& spec : job.options.cache_to) {
    if (spec.kind == CacheExport::Kind::kInline) continue;
    cache::PortableCache cache =
        spec.every_step ? solved.cache_of_all : solved.cache_of_layers;
    if (spec.mounts) {
      AddMounts(spec, job.plan.graph, job.store, workshop, job.progress, cache);
    }
    Status exported = exporter::ExportCache(spec, cache, context);
    if (!exported && !spec.ignore_error) return exported;
    if (!exported) {
      job.progress.Warning("the cache was not exported: " +
                           exported.error().message());
    }
  }
  return {};
}

// Where layers go while the build goes on: those of a squashed image are made
// at its end.
std::optional<oci::Reference> RepositoryForLayers(
    const Job& job, const solve::SolveOptions& options) {
  if (job.options.squash || !options.need_layers) return std::nullopt;
  return exporter::RepositoryForLayers(job.outputs,
                                       exporter::CommonLayerForm(job.outputs));
}

Result<BuildResult> SolveAndExport(const Job& job, Workshop& workshop) {
  BuildResult result;
  const BuildGraph& graph = job.plan.graph;
  solve::SolveOptions options =
      MakeSolveOptions(job.options, job.outputs, job.epoch);
  std::optional<exporter::EarlyUploads> early;
  if (auto repository = RepositoryForLayers(job, options)) {
    early.emplace(job.client, *std::move(repository));
    options.observe_layer = [&early] { return early->Observe(); };
  }
  std::optional<solve::SolveFailure> failure;
  auto solved = solve::Solve(graph, workshop.services, options, &failure);
  if (!solved) {
    return LocateFailure(std::move(solved).error(), failure, graph,
                         job.plan_options);
  }
  result.steps_executed = solved->executed;
  result.steps_cached = solved->cached;
  for (solve::SolvedImage& image : solved->images) {
    ClampTimes(image.cache, job.epoch);
  }
  ClampTimes(solved->cache_of_layers, job.epoch);
  ClampTimes(solved->cache_of_all, job.epoch);
  // Snapshots are now immutable, and every new layer has a descriptor.

  exporter::AssembledImage image;
  if (options.need_layers) {
    ASSIGN_OR_RETURN(image, Assemble(job, workshop, options, *solved));
  }
  const std::vector<exporter::ExportedRoot> roots = RootsOf(graph, *solved);
  exporter::ExportContext context{
      image,
      job.store.layout(),
      roots,
      *workshop.snapshots.snapshotter,
      job.client,
      job.plan.bases,
      [&](const oci::Descriptor& layer) {
        return FetchLayer(job, workshop.imported, layer);
      },
      job.progress,
      job.options.stop,
      exporter::CommonLayerForm(job.outputs),
      job.epoch,
      [&](const oci::Descriptor& layer) { return RepositoryOf(job, layer); },
      early ? &*early : nullptr};
  ASSIGN_OR_RETURN(exporter::Exported exported, [&] {
    ProgressPhase phase(job.progress, "export", "outputs");
    return exporter::Export(job.outputs, {}, context);
  }());
  result.names = std::move(exported.names);
  if (job.options.keep) result.stored = exported.stored;
  if (exported.image) {
    result.image = exported.image->manifest;
    const oci::Digest& config = exported.image->config.digest;
    if (!config.empty()) result.config = config;
  }
  RETURN_IF_ERROR(ExportCaches(job, *solved, workshop, context));
  return result;
}

// Again where a result in the store turned out to be damaged, without it.
Result<BuildResult> SolveDespiteDamage(const Job& job, Workshop& workshop) {
  while (true) {
    auto result = SolveAndExport(job, workshop);
    if (result) return result;
    ASSIGN_OR_RETURN(bool is_again,
                     ForgetDamaged(workshop, job.store, job.progress));
    if (!is_again) return result;
  }
}

// Once more from nothing where an imported cache turned out to be damaged.
Result<BuildResult> SolveWithCaches(const Job& job, Workshop& workshop) {
  ImportCaches(job.options, workshop, job.progress);
  RestoreMountsFromCaches(job.store, workshop, job.progress);
  auto result = SolveDespiteDamage(job, workshop);
  if (const size_t missing = workshop.imported.missing(); missing > 0) {
    job.progress.Warning(
        "layers that the imported caches tell of are not "
        "there (" +
        std::to_string(missing) +
        "); their steps are not taken from the cache");
  }
  const std::optional<Error> broken = workshop.imported.broken();
  if (result || !broken) return result;
  job.progress.Warning("an imported cache is damaged and is not used: " +
                       broken->message());
  workshop.index.ForgetImported();
  workshop.imported.Forget();
  return SolveDespiteDamage(job, workshop);
}

// What is remembered of this Dockerfile in this context.
cache::StepHistory OpenHistory(const BuildOptions& options, const Store& store,
                               const BuildGraph& graph) {
  std::error_code ignored;
  const auto context =
      std::filesystem::weakly_canonical(options.context.path, ignored);
  auto history = cache::StepHistory::Open(store.step_history_path(
      context.string() + "\n" + options.dockerfile_path));
  history.Follow(graph);
  return history;
}

}  // namespace

std::string PrepareProcess(std::string_view isolation) {
  return sandbox::EnterUserNamespace(sandbox::WishFor(isolation)).reason;
}

Result<BuildResult> Build(const BuildOptions& options) {
  // Mistakes in the options come before any work.
  if (options.squash && HasKind(options.cache_to, CacheExport::Kind::kInline)) {
    return InvalidArgument(
        "--squash and --cache-to type=inline exclude each other: the cache "
        "would tell of layers that the image has not");
  }
  RETURN_IF_ERROR(NormalizeNames(options.tags));
  ASSIGN_OR_RETURN(std::vector<Output> outputs, ResolveOutputs(options));
  RETURN_IF_ERROR(CheckTakesInlineCache(options, outputs));
  if (MakesIndex(options, plan::BuildArgs(options.build_args))) {
    for (const Output& output : outputs) {
      RETURN_IF_ERROR(exporter::CheckTakesIndex(output));
    }
  }
  ASSIGN_OR_RETURN(Store store, Store::Open(options.store_directory));
  ProgressReporter progress(options.progress);
  registry::Client client(RegistryOptionsFor(options, outputs));
  ASSIGN_OR_RETURN(OpenedContexts contexts, [&] {
    ProgressPhase phase(progress, "context", "contexts");
    return OpenContexts(options, store, client, progress);
  }());
  ASSIGN_OR_RETURN(
      DockerfileSource source,
      ReadDockerfile(options, contexts.folders.at(""), contexts.dockerfile));
  if (HasErrors(source.diagnostics)) {
    return InvalidArgument(
        FormatDiagnostics(source.diagnostics, source.name, source.text));
  }
  ASSIGN_OR_RETURN(PlanOptions plan_options,
                   MakePlanOptions(options, source, contexts));
  ASSIGN_OR_RETURN(std::optional<oci::Timestamp> epoch,
                   FindEpoch(options, plan_options.build_args, source.file));

  using Policy = context::ImageSource::Policy;
  context::ImageSource images(
      client, store.layout(),
      options.pull ? Policy::kAlwaysResolve : Policy::kStoreFirst, progress,
      options.stop);
  std::vector<std::string> warnings;
  std::vector<dockerfile::Diagnostic> findings;
  auto plan = [&] {
    ProgressPhase phase(progress, "plan", "base images");
    return MakeBuildPlan(source, plan_options, TargetPlatforms(options),
                         ResolveFrom(images), findings);
  }();
  RETURN_IF_ERROR(Report(findings, plan_options, warnings));
  if (!plan) return std::move(plan).error();
  // Every variable is now expanded, every image pinned; the Dockerfile is done
  // with.

  ASSIGN_OR_RETURN(std::unique_ptr<Workshop> workshop,
                   OpenWorkshop(options, store, contexts.folders, images,
                                client, epoch, progress));
  if (HasRun(plan->graph)) {
    ProgressStep(progress, "[internal] isolation " + workshop->sandbox.reason);
  }
  const Job job{options, plan_options, *plan, outputs, epoch,
                images,  client,       store, progress};
  const std::string began =
      oci::FormatTimestamp(std::chrono::floor<std::chrono::seconds>(
          std::chrono::system_clock::now()));
  cache::StepHistory history = OpenHistory(options, store, plan->graph);
  workshop->services.history = &history;
  auto built = SolveWithCaches(job, *workshop);
  // Also where it failed: what was executed until then is in the cache.
  if (Status saved = history.Save(began); !saved) {
    progress.Warning("the next build cannot explain itself: " +
                     saved.error().message());
  }
  if (!built) return built;
  BuildResult& result = *built;
  result.explanations = history.explanations();
  result.warnings = std::move(warnings);
  result.dependencies = std::move(plan->dependencies);
  RETURN_IF_ERROR(workshop->stat_cache->Flush());
  return result;
}

}  // namespace strake::builder
