#include "dockerfile/outline.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dockerfile/expand.h"
#include "dockerfile/run_mount.h"
#include "util/strings.h"

namespace strake::dockerfile {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

// The part behind the last "/".
std::string BaseName(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

// Reads arguments and mounts, stage by stage, as far as the text tells.
class Outliner {
 public:
  Outliner(const Dockerfile& file, const BuildArgs& build_args)
      : file_(file), build_args_(build_args) {
    ReadGlobals();
  }

  // The stages that `target` needs, itself included.
  std::set<size_t> Reach(size_t target);
  Outline Make(size_t target);

 private:
  struct GlobalArg {
    OutlineArg arg;
    std::vector<std::string> uses;  // other arguments in its default
  };

  void ReadGlobals();
  // `text` with what is known of `values`; adds to `used` what it names.
  std::string Expand(std::string_view text, const Values& values,
                     std::vector<std::string>* used) const;
  std::optional<size_t> BaseStage(size_t stage) const;
  std::vector<size_t> NeededBy(size_t stage) const;
  void ReadStage(size_t stage, Values values, Outline& outline);
  void ReadArg(const Instruction& instruction, const Arg& arg, Values& values,
               Outline& outline);
  void ReadRun(const Run& run, const Values& values, Outline& outline);
  void UseGlobal(const std::string& name, Outline& outline);

  const Dockerfile& file_;
  const BuildArgs& build_args_;
  std::map<std::string, GlobalArg> globals_;
  Values global_values_;
  std::set<std::string> reported_globals_;
};

std::string Outliner::Expand(std::string_view text, const Values& values,
                             std::vector<std::string>* used) const {
  auto expanded = ExpandWord(
      text,
      [&](std::string_view name) -> std::optional<std::string> {
        auto value = values.find(name);
        if (value == values.end()) return {};
        return value->second;
      },
      file_.directives.escape);
  if (!expanded) return std::string(text);
  if (used != nullptr) {
    used->insert(used->end(), expanded->matched.begin(),
                 expanded->matched.end());
    used->insert(used->end(), expanded->unmatched.begin(),
                 expanded->unmatched.end());
  }
  return expanded->text;
}

void Outliner::ReadGlobals() {
  for (const Instruction& instruction : file_.global_args) {
    for (const Arg::Entry& entry : instruction.As<Arg>()->entries) {
      GlobalArg global;
      global.arg = {.name = entry.key,
                    .value = {},
                    .description = entry.doc_comment,
                    .range = instruction.range};
      auto given = build_args_.find(entry.key);
      if (given != build_args_.end()) {
        global.arg.value = given->second;
      } else if (entry.value) {
        global.arg.value = Expand(*entry.value, global_values_, &global.uses);
      }
      if (global.arg.value) global_values_[entry.key] = *global.arg.value;
      globals_[entry.key] = std::move(global);
    }
  }
}

std::optional<size_t> Outliner::BaseStage(size_t stage) const {
  const From& from = file_.stages[stage].base();
  return file_.FindStage(Expand(from.base.text, global_values_, nullptr),
                         stage);
}

std::vector<size_t> Outliner::NeededBy(size_t stage) const {
  std::vector<size_t> needed;
  if (auto base = BaseStage(stage)) needed.push_back(*base);
  for (const Instruction& instruction : file_.stages[stage].instructions) {
    if (const Copy* copy = instruction.As<Copy>(); copy && copy->from) {
      auto named = file_.FindStage(copy->from->text, stage);
      auto index = ParseUint(copy->from->text);
      if (named) needed.push_back(*named);
      if (!named && index && *index < stage) needed.push_back(*index);
    } else if (const Run* run = instruction.As<Run>()) {
      for (const Run::Mount& mount : run->mounts) {
        auto named = file_.FindStage(RunMountFrom(mount.text), stage);
        if (named) needed.push_back(*named);
      }
    }
  }
  return needed;
}

std::set<size_t> Outliner::Reach(size_t target) {
  std::set<size_t> reached;
  std::vector<size_t> open = {target};
  while (!open.empty()) {
    size_t stage = open.back();
    open.pop_back();
    if (!reached.insert(stage).second) continue;
    for (size_t next : NeededBy(stage)) open.push_back(next);
  }
  return reached;
}

void Outliner::UseGlobal(const std::string& name, Outline& outline) {
  auto global = globals_.find(name);
  if (global == globals_.end() || !reported_globals_.insert(name).second) {
    return;
  }
  outline.args.push_back(global->second.arg);
  for (const std::string& used : global->second.uses) UseGlobal(used, outline);
}

void Outliner::ReadArg(const Instruction& instruction, const Arg& arg,
                       Values& values, Outline& outline) {
  for (const Arg::Entry& entry : arg.entries) {
    auto given = build_args_.find(entry.key);
    bool inherited = !entry.value && globals_.count(entry.key) > 0;
    if (inherited && given == build_args_.end()) {
      UseGlobal(entry.key, outline);
      auto value = global_values_.find(entry.key);
      if (value != global_values_.end()) values[entry.key] = value->second;
      continue;
    }
    OutlineArg found{.name = entry.key,
                     .value = {},
                     .description = entry.doc_comment,
                     .range = instruction.range};
    if (given != build_args_.end()) {
      found.value = given->second;
    } else if (entry.value) {
      found.value = Expand(*entry.value, values, nullptr);
    }
    if (found.value) values[entry.key] = *found.value;
    auto same = [&](const OutlineArg& a) { return a.name == entry.key; };
    if (std::none_of(outline.args.begin(), outline.args.end(), same)) {
      outline.args.push_back(std::move(found));
    }
  }
}

void Outliner::ReadRun(const Run& run, const Values& values, Outline& outline) {
  auto add = [](std::vector<OutlineSecret>& list, OutlineSecret found) {
    for (OutlineSecret& known : list) {
      if (known.name != found.name) continue;
      known.required = known.required || found.required;
      return;
    }
    list.push_back(std::move(found));
  };
  for (const Run::Mount& text : run.mounts) {
    auto mount = ParseRunMount(
        text.text, [&](std::string_view value) -> Result<std::string> {
          return Expand(value, values, nullptr);
        });
    if (!mount) continue;
    OutlineSecret found{
        .name = mount->id, .required = mount->required, .range = text.range};
    if (mount->type == RunMount::Type::kSecret) {
      if (found.name.empty()) found.name = mount->source;
      if (found.name.empty()) found.name = BaseName(mount->target);
      add(outline.secrets, std::move(found));
    } else if (mount->type == RunMount::Type::kSsh) {
      if (found.name.empty()) found.name = "default";
      add(outline.ssh, std::move(found));
    } else if (mount->type == RunMount::Type::kCache) {
      if (found.name.empty()) found.name = CleanPath(mount->target);
      add(outline.caches, std::move(found));
    }
  }
}

void Outliner::ReadStage(size_t index, Values values, Outline& outline) {
  const Stage& stage = file_.stages[index];
  std::vector<std::string> used;
  Expand(stage.base().base.text, global_values_, &used);
  if (stage.base().platform) {
    Expand(stage.base().platform->text, global_values_, &used);
  }
  for (const std::string& name : used) UseGlobal(name, outline);
  for (const Instruction& instruction : stage.instructions) {
    if (const Arg* arg = instruction.As<Arg>()) {
      ReadArg(instruction, *arg, values, outline);
    } else if (const Env* env = instruction.As<Env>()) {
      Values before = values;
      for (const KeyValue& pair : env->pairs) {
        values[Expand(pair.key, before, nullptr)] =
            Expand(pair.value, before, nullptr);
      }
    } else if (const Run* run = instruction.As<Run>()) {
      ReadRun(*run, values, outline);
    }
  }
}

template <typename List>
void SortByRange(List& list) {
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
    return a.range.start_line < b.range.start_line;
  });
}

Outline Outliner::Make(size_t target) {
  Outline outline;
  outline.name = file_.stages[target].name;
  outline.description = file_.stages[target].doc_comment;
  for (size_t stage : Reach(target)) ReadStage(stage, {}, outline);
  SortByRange(outline.args);
  SortByRange(outline.secrets);
  SortByRange(outline.ssh);
  SortByRange(outline.caches);
  return outline;
}

}  // namespace

std::vector<Target> ListTargets(const Dockerfile& file) {
  std::vector<Target> targets;
  for (size_t i = 0; i < file.stages.size(); ++i) {
    const Stage& stage = file.stages[i];
    const From& from = stage.base();
    targets.push_back({.name = stage.name,
                       .is_default = i + 1 == file.stages.size(),
                       .description = stage.doc_comment,
                       .base = from.base.text,
                       .platform = from.platform ? from.platform->text : "",
                       .range = stage.from.range});
  }
  return targets;
}

Outline MakeOutline(const Dockerfile& file, size_t target,
                    const BuildArgs& build_args) {
  return Outliner(file, build_args).Make(target);
}

std::vector<size_t> ReachableStages(const Dockerfile& file, size_t target,
                                    const BuildArgs& build_args) {
  std::set<size_t> reached = Outliner(file, build_args).Reach(target);
  return {reached.begin(), reached.end()};
}

}  // namespace strake::dockerfile
