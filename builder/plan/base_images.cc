#include "builder/plan/base_images.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "dockerfile/csv.h"
#include "dockerfile/expand.h"
#include "dockerfile/lint_rules.h"
#include "dockerfile/parser.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::builder::plan {
namespace {

using dockerfile::Diagnostic;
using dockerfile::Dockerfile;
using dockerfile::Instruction;
using dockerfile::MakeError;
using dockerfile::SourceRange;

// The stage's FROM with its variables expanded.
struct ExpandedFrom {
  std::string base;
  std::optional<std::string> platform;
  bool valid = false;
};

// What a mount names with `from`, which is never expanded and so can be read
// while other values are still variables; a mount that is wrong is reported
// when it is lowered.
std::string MountSource(std::string_view mount) {
  auto fields = dockerfile::SplitCsv(mount);
  if (!fields) return "";
  std::string from;
  for (const std::string& field : *fields) {
    auto pair = SplitOnce(field, '=');
    if (pair && EqualsIgnoreCase(pair->first, "from")) from = pair->second;
  }
  return from.find('$') == std::string::npos ? from : "";
}

class Resolver {
 public:
  Resolver(const Dockerfile& file, const PlanOptions& options,
           const ImageResolver& resolve, std::vector<Diagnostic>& diagnostics)
      : file_(file),
        options_(options),
        resolve_(resolve),
        diagnostics_(diagnostics) {}

  Result<BaseImages> Resolve() {
    auto target = file_.FindTarget(options_.target);
    if (!target) {
      return InvalidArgument("target stage \"" + options_.target +
                             "\" could not be found in " + options_.filename +
                             DidYouMean(options_.target, StageNames()));
    }
    bases_.target = *target;
    bases_.stages.resize(file_.stages.size());
    SetGlobals();
    ExpandAllFroms();
    if (HasErrors(diagnostics_)) return Failed();

    Reach(*target);
    for (size_t i = 0; options_.all_stages && i < file_.stages.size(); ++i) {
      Reach(i);
    }
    while (!queue_.empty()) {
      size_t stage = queue_.front();
      queue_.pop_front();
      RETURN_IF_ERROR(ResolveStage(stage));
    }
    if (HasErrors(diagnostics_)) return Failed();
    return std::move(bases_);
  }

 private:
  static Error Failed() { return InvalidArgument("the Dockerfile has errors"); }

  void Report(Diagnostic diagnostic) {
    diagnostics_.push_back(std::move(diagnostic));
  }

  std::vector<std::string> StageNames() const {
    std::vector<std::string> names;
    for (const dockerfile::Stage& stage : file_.stages) {
      if (!stage.name.empty()) names.push_back(stage.name);
    }
    return names;
  }

  dockerfile::VariableLookup GlobalLookup() const {
    return [this](std::string_view name) { return bases_.globals.Find(name); };
  }

  // Platform arguments, then the ARGs before the first FROM in their order.
  //   given  the values that take the place of defaults
  Result<VariableScope> GlobalScope(const BuildArgs& given,
                                    SourceRange& error_at) const {
    VariableScope scope =
        PlatformArgs(options_.target_platform, options_.build_platform,
                     file_.stages[bases_.target].name, options_.build_args);
    auto lookup = [&](std::string_view name) { return scope.Find(name); };
    for (const Instruction& instruction : file_.global_args) {
      for (const auto& entry : instruction.As<dockerfile::Arg>()->entries) {
        if (auto value = given.Find(entry.key)) {
          scope.Set(entry.key, *value);
        } else if (entry.value) {
          error_at = entry.range;
          ASSIGN_OR_RETURN(auto expanded,
                           dockerfile::ExpandWord(*entry.value, lookup,
                                                  file_.directives.escape));
          scope.Set(entry.key, expanded.text);
        }
      }
    }
    return scope;
  }

  void SetGlobals() {
    SourceRange error_at;
    auto scope = GlobalScope(options_.build_args, error_at);
    if (!scope) {
      Report(MakeError(scope.error().message(), error_at));
      return;
    }
    bases_.globals = *std::move(scope);
    CheckDefaultsOfFroms();
  }

  // A build should not need `--build-arg` to name its base images.
  void CheckDefaultsOfFroms() {
    SourceRange ignored;
    auto defaults = GlobalScope(BuildArgs(), ignored);
    if (!defaults) return;
    auto lookup = [&](std::string_view name) { return defaults->Find(name); };
    for (const dockerfile::Stage& stage : file_.stages) {
      const dockerfile::Located& base = stage.base().base;
      auto name =
          dockerfile::ExpandWord(base.text, lookup, file_.directives.escape);
      if (!name) return;
      if (oci::ParseReference(name->text)) continue;
      ReportLint(
          options_.lint, &stage.from,
          dockerfile::lint::InvalidDefaultArgInFrom(base.text, base.range),
          diagnostics_);
    }
  }

  // Of every stage, reachable or not, as BuildKit does: a blank base is an
  // error wherever it stands.
  void ExpandAllFroms() {
    for (const dockerfile::Stage& stage : file_.stages) {
      froms_.push_back(ExpandFrom(stage));
    }
  }

  ExpandedFrom ExpandFrom(const dockerfile::Stage& stage) {
    const dockerfile::From& from = stage.base();
    ExpandedFrom expanded;
    auto base = ExpandInFrom(stage, from.base);
    if (!base) return expanded;
    if (base->empty()) {
      Report(MakeError("base name (" + from.base.text + ") should not be blank",
                       from.base.range,
                       "give the argument a default, or --build-arg"));
      return expanded;
    }
    expanded.base = *base;
    if (from.platform) {
      auto platform = ExpandInFrom(stage, *from.platform);
      if (!platform) return expanded;
      expanded.platform = *platform;
    }
    expanded.valid = true;
    return expanded;
  }

  std::optional<std::string> ExpandInFrom(const dockerfile::Stage& stage,
                                          const dockerfile::Located& word) {
    auto value = dockerfile::ExpandWord(word.text, GlobalLookup(),
                                        file_.directives.escape);
    if (!value) {
      Report(MakeError(value.error().message(), word.range));
      return {};
    }
    std::vector<std::string> declared = DeclaredNames();
    for (const std::string& name : value->unmatched) {
      bool known =
          std::find(declared.begin(), declared.end(), name) != declared.end();
      if (known) continue;
      ReportLint(
          options_.lint, &stage.from,
          dockerfile::lint::UndefinedArgInFrom(name, declared, word.range),
          diagnostics_);
    }
    return value->text;
  }

  // What a FROM may name, with or without a value.
  std::vector<std::string> DeclaredNames() const {
    std::vector<std::string> names = bases_.globals.Names();
    for (const Instruction& instruction : file_.global_args) {
      for (const auto& entry : instruction.As<dockerfile::Arg>()->entries) {
        names.push_back(entry.key);
      }
    }
    return names;
  }

  void Reach(size_t stage) {
    if (bases_.stages[stage].reachable) return;
    bases_.stages[stage].reachable = true;
    queue_.push_back(stage);
  }

  Status ResolveStage(size_t index) {
    const dockerfile::Stage& stage = file_.stages[index];
    ResolvedStage& resolved = bases_.stages[index];
    resolved.platform = options_.target_platform;
    if (froms_[index].platform) {
      auto platform = oci::ParsePlatform(*froms_[index].platform);
      if (!platform) {
        Report(MakeError("failed to parse platform " +
                             GoQuote(*froms_[index].platform) + ": " +
                             platform.error().message(),
                         stage.base().platform->range));
        return {};
      }
      resolved.platform = *platform;
    }
    RETURN_IF_ERROR(ResolveBase(index));
    if (resolved.replaced) return {};
    for (const Instruction& trigger : resolved.triggers) {
      RETURN_IF_ERROR(ResolveInstruction(index, trigger, stage.from.range));
    }
    for (const Instruction& instruction : stage.instructions) {
      RETURN_IF_ERROR(
          ResolveInstruction(index, instruction, instruction.range));
    }
    return {};
  }

  Status ResolveBase(size_t index) {
    const dockerfile::Stage& stage = file_.stages[index];
    ResolvedStage& resolved = bases_.stages[index];
    const std::string& name = froms_[index].base;
    SourceRange at = stage.base().base.range;
    std::optional<std::string> context;
    if (!stage.name.empty()) context = FindContext(stage.name);
    resolved.replaced = context.has_value();
    if (!context) context = FindContext(name);
    if (context) return UseContextAsBase(index, *context, at);
    // A stage's name is lower case, whatever AS says, and FROM has to spell it
    // so; `--from` need not.
    auto earlier = file_.FindStage(name, index);
    if (earlier && name == ToLower(name)) {
      resolved.base = {SourceRef::Kind::kStage, *earlier, "", ""};
      Reach(*earlier);
      for (const Instruction& instruction :
           file_.stages[*earlier].instructions) {
        if (const auto* onbuild = instruction.As<dockerfile::Onbuild>()) {
          AddTrigger(resolved, onbuild->trigger, at);
        }
      }
      return {};
    }
    if (name == "scratch") return {};
    auto reference = oci::ParseReference(name);
    if (!reference) {
      Report(MakeError(
          "failed to parse stage name " + GoQuote(name) +
              ": invalid reference format: " + reference.error().message(),
          at, earlier ? "the stage is called " + ToLower(name) : ""));
      return {};
    }
    auto found = ResolveImage(*reference, resolved.platform, at);
    if (!found) return WithStageHint(std::move(found).error(), name);
    UseImageAsBase(index, *std::move(found), name, at);
    return {};
  }

  void UseImageAsBase(size_t index, SourceRef found, const std::string& name,
                      SourceRange at) {
    const dockerfile::Stage& stage = file_.stages[index];
    ResolvedStage& resolved = bases_.stages[index];
    resolved.base = std::move(found);
    const BaseImage& image = bases_.images.at(resolved.base.image);
    for (const std::string& trigger : image.config.on_build) {
      if (!resolved.replaced) AddTrigger(resolved, trigger, at);
    }
    if (image.config_known &&
        !oci::PlatformMatches(image.config.platform, resolved.platform)) {
      ReportLint(options_.lint, &stage.from,
                 dockerfile::lint::InvalidBaseImagePlatform(
                     name, image.config.platform.ToString(),
                     resolved.platform.ToString(), at),
                 diagnostics_);
    }
  }

  Status UseContextAsBase(size_t index, const std::string& context,
                          SourceRange at) {
    ResolvedStage& resolved = bases_.stages[index];
    ASSIGN_OR_RETURN(SourceRef found,
                     ResolveContext(context, resolved.platform, at));
    if (found.kind == SourceRef::Kind::kImage) {
      UseImageAsBase(index, std::move(found), context, at);
    } else {
      resolved.base = std::move(found);
    }
    return {};
  }

  // The name of the named context that `name` means: its own, or another way
  // to write the same image ("alpine" and "docker.io/library/alpine:latest").
  std::optional<std::string> FindContext(const std::string& name) const {
    auto names_it = [&](const std::string& context) {
      if (context == name) return true;
      auto wanted = oci::ParseReference(name);
      auto given = oci::ParseReference(context);
      return wanted && given &&
             oci::WithDefaultTag(*wanted) == oci::WithDefaultTag(*given);
    };
    for (const std::string& context : options_.named_contexts) {
      if (names_it(context)) return context;
    }
    for (const auto& [context, image] : options_.image_contexts) {
      if (names_it(context)) return context;
    }
    return {};
  }

  Result<SourceRef> ResolveContext(const std::string& context,
                                   const oci::Platform& platform,
                                   SourceRange at) {
    auto image = options_.image_contexts.find(context);
    if (image != options_.image_contexts.end()) {
      return ResolveImage(image->second, platform, at);
    }
    return SourceRef{SourceRef::Kind::kContext, 0, "", context};
  }

  void AddTrigger(ResolvedStage& resolved, const std::string& text,
                  SourceRange at) {
    auto trigger = dockerfile::ParseTrigger(text, file_.directives.escape);
    if (!trigger) {
      Report(MakeError("ONBUILD trigger " + GoQuote(text) +
                           " of the base: " + trigger.error().message(),
                       at));
      return;
    }
    resolved.triggers.push_back(*std::move(trigger));
  }

  Result<SourceRef> ResolveImage(const oci::Reference& reference,
                                 const oci::Platform& platform,
                                 SourceRange at) {
    oci::Reference tagged = oci::WithDefaultTag(reference);
    std::string key = tagged.ToString() + " " + platform.ToString();
    if (!bases_.images.contains(key)) {
      auto image = resolve_(tagged, platform);
      if (!image) {
        return Error(image.error().code(),
                     FormatDiagnostic(MakeError(image.error().message(), at),
                                      options_.filename, options_.source_text));
      }
      bases_.images.emplace(key, *std::move(image));
    }
    return SourceRef{SourceRef::Kind::kImage, 0, key, ""};
  }

  Status ResolveInstruction(size_t stage, const Instruction& instruction,
                            SourceRange at) {
    if (const auto* copy = instruction.As<dockerfile::Copy>()) {
      if (copy->from) {
        return ResolveSource(stage, copy->from->text, MayBeIndex::kYes, at);
      }
    } else if (const auto* run = instruction.As<dockerfile::Run>()) {
      for (const dockerfile::Run::Mount& mount : run->mounts) {
        if (std::string from = MountSource(mount.text); !from.empty()) {
          RETURN_IF_ERROR(ResolveSource(stage, from, MayBeIndex::kNo, at));
        }
      }
    }
    return {};
  }

  enum class MayBeIndex { kYes, kNo };

  Status ResolveSource(size_t stage, const std::string& text,
                       MayBeIndex may_be_index, SourceRange at) {
    ResolvedStage& resolved = bases_.stages[stage];
    if (resolved.sources.contains(text)) return {};
    std::optional<size_t> found;
    if (auto number = ParseUint(text);
        number && may_be_index == MayBeIndex::kYes) {
      if (*number >= file_.stages.size()) {
        Report(MakeError("invalid stage index " + text + ": there are " +
                             std::to_string(file_.stages.size()) + " stages",
                         at));
        return {};
      }
      found = *number;
    } else if (auto earlier = file_.FindStage(text, stage)) {
      found = earlier;
    } else {
      found = file_.FindStage(text, file_.stages.size());
    }
    if (auto context = FindContext(text)) {
      ASSIGN_OR_RETURN(resolved.sources[text],
                       ResolveContext(*context, resolved.platform, at));
      return {};
    }
    if (found) {
      return UseStage(stage, *found, text, at);
    }
    if (EqualsIgnoreCase(text, "scratch")) {
      resolved.sources[text] = {};
      return {};
    }
    return UseImage(stage, text, at);
  }

  Status UseStage(size_t stage, size_t source, const std::string& text,
                  SourceRange at) {
    if (source == stage) {
      Report(MakeError(
          "invalid from flag value " + text + ": refers to current build stage",
          at, "a stage that needs itself is a circular dependency"));
    } else if (source > stage) {
      Report(MakeError("cannot copy from stage " + GoQuote(text) +
                           ", it needs to be defined before current stage",
                       at));
    } else {
      bases_.stages[stage].sources[text] = {SourceRef::Kind::kStage, source, "",
                                            ""};
      Reach(source);
    }
    return {};
  }

  Status UseImage(size_t stage, const std::string& text, SourceRange at) {
    auto reference = oci::ParseReference(text);
    if (!reference) {
      Report(MakeError(
          "failed to parse stage name " + GoQuote(text) +
              ": invalid reference format: " + reference.error().message() +
              DidYouMean(text, StageNames()),
          at));
      return {};
    }
    auto image = ResolveImage(*reference, bases_.stages[stage].platform, at);
    if (!image) return WithStageHint(std::move(image).error(), text);
    bases_.stages[stage].sources[text] = *image;
    return {};
  }

  // A mistyped stage name ends as an image that cannot be had.
  Error WithStageHint(Error error, const std::string& name) const {
    auto near = Suggest(name, StageNames());
    if (!near) return error;
    return Error(error.code(), error.message() + "There is no stage \"" + name +
                                   "\" (did you mean " + *near +
                                   "?), so it was taken for an image.");
  }

  const Dockerfile& file_;
  const PlanOptions& options_;
  const ImageResolver& resolve_;
  std::vector<Diagnostic>& diagnostics_;
  BaseImages bases_;
  std::vector<ExpandedFrom> froms_;
  std::deque<size_t> queue_;
};

}  // namespace

Result<BaseImages> ResolveBaseImages(const Dockerfile& file,
                                     const PlanOptions& options,
                                     const ImageResolver& resolve,
                                     std::vector<Diagnostic>& diagnostics) {
  return Resolver(file, options, resolve, diagnostics).Resolve();
}

}  // namespace strake::builder::plan
