#include "builder/bake/target.h"

#include <algorithm>
#include <set>
#include <utility>

#include "builder/bake/override.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::builder::bake {
namespace {

using Kind = Field::Kind;

constexpr Field kFields[] = {
    {"annotations", Kind::kLongList},
    {"args", Kind::kMap},
    {"attest", Kind::kLongList},
    {"cache-from", Kind::kLongList},
    {"cache-to", Kind::kList},
    {"call", Kind::kValue},
    {"context", Kind::kValue},
    {"contexts", Kind::kMap},
    {"description", Kind::kValue},
    {"dockerfile", Kind::kValue},
    {"dockerfile-inline", Kind::kValue},
    {"entitlements", Kind::kLongList},
    {"extra-hosts", Kind::kMap},
    {"labels", Kind::kMap},
    {"network", Kind::kValue},
    {"no-cache", Kind::kFlag},
    {"no-cache-filter", Kind::kList},
    {"output", Kind::kList},
    {"platforms", Kind::kList},
    {"pull", Kind::kFlag},
    {"secret", Kind::kLongList},
    {"shm-size", Kind::kValue},
    {"ssh", Kind::kLongList},
    {"tags", Kind::kList},
    {"target", Kind::kValue},
    {"ulimits", Kind::kLongList},
};

template <typename Map>
std::vector<std::string> KeysOf(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

class Selector {
 public:
  Selector(const BakeFile& file, std::vector<Override> overrides)
      : file_(file), overrides_(std::move(overrides)) {}

  Result<Selection> Run(const std::vector<std::string>& names) {
    for (const std::string& name : names) RETURN_IF_ERROR(Ask(name, 0));
    for (const std::string& name : selection_.asked) {
      RETURN_IF_ERROR(Add(name, {}));
    }
    return std::move(selection_);
  }

 private:
  Error Unknown(const std::string& name) const {
    std::vector<std::string> known = KeysOf(file_.targets);
    for (const auto& [group, targets] : file_.groups) known.push_back(group);
    return InvalidArgument("there is no target \"" + name + "\"" +
                           DidYouMean(name, known) + "; there are " +
                           Join(known, ", "));
  }

  // Targets of a name, groups opened up. A group may be called as a target.
  Status Ask(const std::string& name, size_t depth) {
    if (depth > file_.groups.size()) {
      return InvalidArgument("the group \"" + name + "\" contains itself");
    }
    auto group = file_.groups.find(name);
    if (group != file_.groups.end()) {
      for (const std::string& member : group->second) {
        if (member == name && file_.targets.contains(name)) {
          Choose(name);
        } else {
          RETURN_IF_ERROR(Ask(member, depth + 1));
        }
      }
      return {};
    }
    if (!file_.targets.contains(name)) return Unknown(name);
    Choose(name);
    return {};
  }

  void Choose(const std::string& name) {
    if (std::ranges::find(selection_.asked, name) == selection_.asked.end()) {
      selection_.asked.push_back(name);
    }
  }

  // A target after those that it uses.
  //   path  of targets that use each other, down to this one
  Status Add(const std::string& name, std::vector<std::string> path) {
    if (done_.contains(name)) return {};
    bool circle = std::ranges::find(path, name) != path.end();
    path.push_back(name);
    if (circle) {
      return InvalidArgument("targets use each other in a circle: " +
                             Join(path, " -> "));
    }
    ASSIGN_OR_RETURN(Target target, Inherit(name, {}));
    for (const std::string& used : UsedTargets(target)) {
      RETURN_IF_ERROR(Add(used, path));
    }
    done_.insert(name);
    selection_.targets.push_back(std::move(target));
    return {};
  }

  Result<Target> Inherit(const std::string& name,
                         std::vector<std::string> path) const {
    auto own = file_.targets.find(name);
    if (own == file_.targets.end()) return Unknown(name);
    bool circle = std::ranges::find(path, name) != path.end();
    path.push_back(name);
    if (circle) {
      return InvalidArgument("targets inherit from each other in a circle: " +
                             Join(path, " -> "));
    }
    Target target;
    for (const std::string& parent : own->second.inherits) {
      ASSIGN_OR_RETURN(Target inherited, Inherit(parent, path));
      MergeTarget(inherited, target);
    }
    MergeTarget(own->second, target);
    target.name = name;
    target.place = own->second.place;
    if (!target.default_context.empty()) {
      target.values.emplace("context", target.default_context);
    }
    // Parents have theirs already: `--set base.args.A=1` is inherited.
    ApplyOverrides(overrides_, target);
    return target;
  }

  const BakeFile& file_;
  const std::vector<Override> overrides_;
  Selection selection_;
  std::set<std::string> done_;
};

// So that it is read as it was meant.
std::string Escaped(const std::string& text) {
  return ReplaceAll(text, "${", "$${");
}

nlohmann::json ToJson(const Target& target) {
  nlohmann::json json = nlohmann::json::object();
  for (const Field& field : kFields) {
    std::string name(field.name);
    auto value = target.values.find(name);
    if (value != target.values.end()) {
      if (field.kind == Kind::kFlag) {
        json[name] = value->second == "true";
      } else {
        json[name] = Escaped(value->second);
      }
    }
    auto list = target.lists.find(name);
    if (list != target.lists.end()) {
      json[name] = nlohmann::json::array();
      for (const std::string& item : list->second) {
        json[name].push_back(Escaped(item));
      }
    }
    auto map = target.maps.find(name);
    if (map == target.maps.end()) continue;
    for (const auto& [key, member] : map->second) {
      json[name][key] =
          member ? nlohmann::json(Escaped(*member)) : nlohmann::json();
    }
  }
  return json;
}

}  // namespace

std::span<const Field> Fields() { return kFields; }

const Field* FindField(std::string_view name) {
  auto found = std::ranges::find(kFields, name, &Field::name);
  return found == std::end(kFields) ? nullptr : &*found;
}

Result<bool> ParseFlag(std::string_view text) {
  const std::string lower = ToLower(text);
  if (lower == "true" || lower == "t" || lower == "1") return true;
  if (lower == "false" || lower == "f" || lower == "0") return false;
  return InvalidArgument("expected true or false, found \"" +
                         std::string(text) + "\"");
}

void MergeTarget(const Target& from, Target& into) {
  if (into.default_context.empty()) {
    into.default_context = from.default_context;
  }
  for (const auto& [name, value] : from.values) into.values[name] = value;
  for (const auto& [name, map] : from.maps) {
    for (const auto& [key, value] : map) into.maps[name][key] = value;
  }
  for (const auto& [name, list] : from.lists) {
    auto& target = into.lists[name];
    const Field* field = FindField(name);
    bool adds = field != nullptr && field->kind == Kind::kLongList;
    if (!adds) target.clear();
    for (const std::string& item : list) {
      bool known = std::ranges::find(target, item) != target.end();
      if (!adds || !known) target.push_back(item);
    }
  }
}

void MergeFile(const BakeFile& from, BakeFile& into) {
  for (const auto& [name, target] : from.targets) {
    auto [known, is_new] = into.targets.emplace(name, target);
    if (is_new) continue;
    MergeTarget(target, known->second);
    if (!target.inherits.empty()) known->second.inherits = target.inherits;
    known->second.place = target.place;
  }
  for (const auto& [name, targets] : from.groups) {
    std::vector<std::string>& all = into.groups[name];
    for (const std::string& target : targets) {
      if (std::ranges::find(all, target) == all.end()) all.push_back(target);
    }
  }
}

Result<Selection> SelectTargets(const BakeFile& file,
                                const std::vector<std::string>& names,
                                const std::vector<std::string>& overrides) {
  ASSIGN_OR_RETURN(std::vector<Override> changes,
                   ParseOverrides(overrides, file));
  Selector selector(file, std::move(changes));
  return selector.Run(names.empty() ? std::vector<std::string>{"default"}
                                    : names);
}

std::vector<std::string> UsedTargets(const Target& target) {
  std::vector<std::string> used;
  auto contexts = target.maps.find("contexts");
  if (contexts == target.maps.end()) return used;
  constexpr std::string_view kScheme = "target:";
  for (const auto& [name, context] : contexts->second) {
    if (context && context->starts_with(kScheme)) {
      used.push_back(context->substr(kScheme.size()));
    }
  }
  return used;
}

std::string PrintSelection(const Selection& selection) {
  nlohmann::json document;
  document["group"]["default"]["targets"] = selection.asked;
  document["target"] = nlohmann::json::object();
  for (const Target& target : selection.targets) {
    document["target"][target.name] = ToJson(target);
  }
  return DumpJsonPretty(document) + "\n";
}

}  // namespace strake::builder::bake
