#include "builder/bake/override.h"

#include <fnmatch.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::builder::bake {
namespace {

using Kind = Field::Kind;

bool Means(const std::string& pattern, const std::string& target) {
  return ::fnmatch(pattern.c_str(), target.c_str(), 0) == 0;
}

bool IsList(const Field& field) {
  return field.kind == Kind::kList || field.kind == Kind::kLongList;
}

// `FIELD[.MEMBER]`, which has to fit what the field is.
Status ParseField(std::string_view path, Override& change) {
  auto member = SplitOnce(path, '.');
  std::string name(member ? member->first : path);
  // buildx takes the singular, as its options have it.
  if (name == "platform") name = "platforms";
  if (member) change.member = member->second;
  change.field = FindField(name);
  if (change.field == nullptr) {
    std::vector<std::string> names;
    for (const Field& field : Fields()) names.emplace_back(field.name);
    return InvalidArgument("unknown key \"" + name + "\"" +
                           DidYouMean(name, names));
  }
  bool is_map = change.field->kind == Kind::kMap;
  if (is_map != !change.member.empty()) {
    return InvalidArgument(is_map ? "expected " + name + ".NAME"
                                  : "\"" + name + "\" has no members");
  }
  if (change.adds && !IsList(*change.field)) {
    return InvalidArgument("\"" + name +
                           "\" is no list, which += could add to: write =");
  }
  return {};
}

Result<Override> Parse(std::string_view text) {
  auto pair = SplitOnce(text, '=');
  if (!pair) return InvalidArgument("expected TARGET.KEY=VALUE");
  Override result;
  std::string_view path = pair->first;
  if (path.ends_with('+')) {
    result.adds = true;
    path.remove_suffix(1);
  }
  auto dot = SplitOnce(path, '.');
  if (!dot) return InvalidArgument("expected TARGET.KEY=VALUE");
  result.pattern = dot->first;
  result.value = pair->second;
  RETURN_IF_ERROR(ParseField(dot->second, result));
  if (result.field->kind == Kind::kFlag) {
    ASSIGN_OR_RETURN(bool flag, ParseFlag(result.value));
    result.value = flag ? "true" : "false";
  }
  return result;
}

// A target that is meant has to be there.
Status CheckPattern(const std::string& pattern, const BakeFile& file) {
  std::vector<std::string> names;
  for (const auto& [name, target] : file.targets) {
    if (Means(pattern, name)) return {};
    names.push_back(name);
  }
  return InvalidArgument("there is no target \"" + pattern + "\"" +
                         DidYouMean(pattern, names));
}

}  // namespace

Result<std::vector<Override>> ParseOverrides(
    const std::vector<std::string>& texts, const BakeFile& file) {
  std::vector<Override> overrides;
  for (const std::string& text : texts) {
    const std::string context = "--set \"" + text + "\"";
    auto change = Parse(text);
    if (!change) return std::move(change).error().Wrap(context);
    if (Status found = CheckPattern(change->pattern, file); !found) {
      return std::move(found).error().Wrap(context);
    }
    overrides.push_back(*std::move(change));
  }
  return overrides;
}

void ApplyOverrides(const std::vector<Override>& overrides, Target& target) {
  std::set<std::string> replaced;
  for (const Override& change : overrides) {
    if (!Means(change.pattern, target.name)) continue;
    std::string name(change.field->name);
    if (change.field->kind == Kind::kMap) {
      target.maps[name][change.member] = change.value;
    } else if (!IsList(*change.field)) {
      target.values[name] = change.value;
    } else {
      std::vector<std::string>& list = target.lists[name];
      if (!change.adds && replaced.insert(name).second) list.clear();
      // What is added to a parent is inherited already.
      bool known = std::ranges::find(list, change.value) != list.end();
      if (!known) list.push_back(change.value);
    }
  }
}

}  // namespace strake::builder::bake
