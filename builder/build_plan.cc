#include "builder/build_plan.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "builder/plan/base_images.h"
#include "builder/plan/make_plan.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::builder {
namespace {

using plan::PlanOptions;

// For the lint CopyIgnoredFile.
std::function<bool(const std::string&)> IgnoredBy(
    const context::BuildContext& context) {
  const context::IgnoreRules* rules = context.ignore();
  if (rules == nullptr) return {};
  return [rules](const std::string& path) {
    return dockerfile::CopiesIgnoredFile(rules->matcher, path);
  };
}

// What changes before it is copied is copied as what it then is.
std::function<bool(const std::string&)> IsFileIn(
    const context::BuildContext& context) {
  return [root = context.root()](const std::string& path) {
    auto file = OpenInRoot(root, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat status = {};
    return file && fstat(file->get(), &status) == 0 && S_ISREG(status.st_mode);
  };
}

Result<std::set<size_t>> FindStages(const std::vector<std::string>& names,
                                    const dockerfile::Dockerfile& file) {
  std::set<size_t> stages;
  for (const std::string& name : names) {
    auto stage = file.FindTarget(name);
    if (!stage || name.empty()) {
      std::vector<std::string> known;
      for (const dockerfile::Stage& other : file.stages) {
        if (!other.name.empty()) known.push_back(other.name);
      }
      return InvalidArgument(
          "--no-cache-filter: there is no stage \"" + name + "\"" +
          (known.empty() ? "; none has a name" : DidYouMean(name, known)));
    }
    stages.insert(*stage);
  }
  return stages;
}

// The image that the target is built on, through however many stages; nothing
// where that is none.
std::optional<std::string> RuntimeImage(const plan::BaseImages& bases) {
  const plan::SourceRef* base = &bases.stages[bases.target].base;
  while (base->kind == plan::SourceRef::Kind::kStage) {
    base = &bases.stages[base->stage].base;
  }
  if (base->kind != plan::SourceRef::Kind::kImage) return std::nullopt;
  return base->image;
}

void AddDependencies(const plan::BaseImages& bases, BuildPlan& plan) {
  const std::optional<std::string> runtime = RuntimeImage(bases);
  for (const auto& [key, image] : bases.images) {
    ImageDependency dependency{image.reference, image.named, key == runtime};
    if (std::ranges::find(plan.dependencies, dependency) ==
        plan.dependencies.end()) {
      plan.dependencies.push_back(std::move(dependency));
    }
  }
}

// Adds the image of one platform to `plan`.
Status AddImage(const DockerfileSource& source, const PlanOptions& options,
                const plan::ImageResolver& resolve, BuildPlan& plan,
                std::vector<dockerfile::Diagnostic>& diagnostics) {
  ASSIGN_OR_RETURN(
      plan::BaseImages bases,
      plan::ResolveBaseImages(source.file, options, resolve, diagnostics));
  dockerfile::LintOptions lint;
  lint.config = options.lint;
  lint.stages.emplace();
  for (size_t i = 0; i < bases.stages.size(); ++i) {
    if (bases.stages[i].reachable) lint.stages->push_back(i);
  }
  for (dockerfile::Diagnostic& finding : Lint(source.file, lint)) {
    diagnostics.push_back(std::move(finding));
  }
  for (const auto& [key, image] : bases.images) {
    if (std::ranges::find(plan.bases, image.reference) == plan.bases.end()) {
      plan.bases.push_back(image.reference);
    }
  }
  AddDependencies(bases, plan);
  return plan::AddToPlan(source.file, bases, options, plan.graph, diagnostics);
}

// A mistake is told once, not once for every platform.
void MergeFindings(std::vector<dockerfile::Diagnostic> found,
                   std::vector<dockerfile::Diagnostic>& all) {
  size_t before = all.size();
  for (dockerfile::Diagnostic& finding : found) {
    // Equal findings of one platform stay as they are.
    auto end = all.begin() + static_cast<ptrdiff_t>(before);
    bool known = std::any_of(all.begin(), end, [&](const auto& other) {
      return other.rule == finding.rule && other.message == finding.message &&
             other.range == finding.range;
    });
    if (!known) all.push_back(std::move(finding));
  }
  SortByPlace(all);
}

}  // namespace

Result<PlanOptions> MakePlanOptions(const BuildOptions& options,
                                    const DockerfileSource& source,
                                    const OpenedContexts& contexts) {
  PlanOptions plan;
  plan.filename = source.name;
  plan.source_text = source.text;
  plan.target = options.target;
  ASSIGN_OR_RETURN(plan.no_cache_stages,
                   FindStages(options.no_cache_stages, source.file));
  plan.build_args = plan::BuildArgs(options.build_args);
  plan.labels = options.labels;
  plan.build_platform = oci::HostPlatform();
  plan.target_platform = plan.build_platform;
  plan.platform_is_explicit = !options.platforms.empty();
  for (const auto& [name, context] : contexts.folders) {
    if (!name.empty()) plan.named_contexts.insert(name);
  }
  plan.image_contexts = contexts.images;
  plan.network = options.network == NetworkMode::kNone
                     ? plan::RunOp::Network::kNone
                     : plan::RunOp::Network::kHost;
  plan.extra_hosts = options.extra_hosts;
  plan.allow_insecure = options.allow_insecure;
  ASSIGN_OR_RETURN(
      plan.lint, LintConfigFor(source.file, plan.build_args.Find(
                                                "BUILDKIT_DOCKERFILE_CHECK")));
  plan.is_ignored = IgnoredBy(contexts.folders.at(""));
  plan.is_file = IsFileIn(contexts.folders.at(""));
  return plan;
}

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

plan::ImageResolver ResolveFrom(const context::ImageSource& images) {
  return [&images](const oci::Reference& reference,
                   const oci::Platform& platform) -> Result<plan::BaseImage> {
    ASSIGN_OR_RETURN(context::SourceImage image,
                     images.Resolve(reference, platform));
    return plan::BaseImage{std::move(image.reference),
                           std::move(image.manifest),
                           std::move(image.layers),
                           std::move(image.config),
                           true,
                           std::move(image.named)};
  };
}

std::vector<oci::Platform> TargetPlatforms(const BuildOptions& options) {
  std::vector<oci::Platform> platforms;
  for (const oci::Platform& wanted : options.platforms) {
    oci::Platform platform = oci::NormalizePlatform(wanted);
    if (std::ranges::find(platforms, platform) == platforms.end()) {
      platforms.push_back(std::move(platform));
    }
  }
  if (platforms.empty()) platforms.push_back(oci::HostPlatform());
  return platforms;
}

bool MakesIndex(const BuildOptions& options, const plan::BuildArgs& args) {
  std::string wish = ToLower(args.Find("BUILDKIT_MULTI_PLATFORM").value_or(""));
  return wish == "1" || wish == "t" || wish == "true" ||
         TargetPlatforms(options).size() > 1;
}

Result<BuildPlan> MakeBuildPlan(
    const DockerfileSource& source, const PlanOptions& options,
    const std::vector<oci::Platform>& platforms,
    const plan::ImageResolver& resolve,
    std::vector<dockerfile::Diagnostic>& diagnostics) {
  BuildPlan plan;
  PlanOptions each = options;
  each.name_platforms = platforms.size() > 1;
  for (const oci::Platform& platform : platforms) {
    each.target_platform = platform;
    std::vector<dockerfile::Diagnostic> found = source.diagnostics;
    Status added = AddImage(source, each, resolve, plan, found);
    MergeFindings(std::move(found), diagnostics);
    if (!added) return std::move(added).error();
  }
  return plan;
}

}  // namespace strake::builder
