#include "tasks/file/decoder.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "util/suggest.h"

namespace strake::tasks::file {
namespace {

// "!!str `text`", as errors show a value.
std::string Describe(const YamlNode& node) {
  if (node.is_list()) return "!!seq";
  if (node.is_map()) return "!!map";
  std::string tag;
  switch (TypeOf(node)) {
    case ScalarType::kNull:
      tag = "!!null";
      break;
    case ScalarType::kBool:
      tag = "!!bool";
      break;
    case ScalarType::kInt:
      tag = "!!int";
      break;
    case ScalarType::kFloat:
      tag = "!!float";
      break;
    case ScalarType::kString:
      tag = "!!str";
      break;
  }
  constexpr size_t kShown = 10;
  std::string text = node.text;
  if (text.size() > kShown) text = text.substr(0, kShown - 3) + "...";
  return tag + " `" + text + "`";
}

bool IsAbsent(const YamlNode* node) {
  return node == nullptr || node->is_null();
}

}  // namespace

Place Decoder::At(const YamlMark& mark) const {
  return locator_.Locate(mark.line, mark.column);
}

Place Decoder::At(const YamlNode& node) const { return At(node.mark); }

void Decoder::WrongType(const YamlNode& node, std::string_view go_type) {
  Place place = At(node);
  problems_.Add(place, prefix_ + "yaml: unmarshal errors:\n  line " +
                           std::to_string(place.line) + ": cannot unmarshal " +
                           Describe(node) + " into " + std::string(go_type));
}

std::string Decoder::String(const YamlNode* node) {
  if (IsAbsent(node)) return "";
  if (node->is_scalar()) return node->text;
  WrongType(*node, "string");
  return "";
}

bool Decoder::Bool(const YamlNode* node) {
  if (IsAbsent(node)) return false;
  if (node->is_scalar() && TypeOf(*node) == ScalarType::kBool) {
    return BoolOf(*node);
  }
  WrongType(*node, "bool");
  return false;
}

int Decoder::Int(const YamlNode* node) {
  if (IsAbsent(node)) return 0;
  constexpr double kMin = std::numeric_limits<int>::min();
  constexpr double kMax = std::numeric_limits<int>::max();
  std::optional<double> value;
  if (node->is_scalar() && TypeOf(*node) == ScalarType::kInt) {
    value = static_cast<double>(IntOf(*node));
  } else if (node->is_scalar() && TypeOf(*node) == ScalarType::kFloat) {
    value = FloatOf(*node);
  }
  if (value && *value >= kMin && *value <= kMax) {
    return static_cast<int>(*value);
  }
  WrongType(*node, "int");
  return 0;
}

std::vector<const YamlNode*> Decoder::List(const YamlNode* node,
                                           std::string_view go_type) {
  std::vector<const YamlNode*> items;
  if (IsAbsent(node)) return items;
  if (!node->is_list()) {
    WrongType(*node, go_type);
    return items;
  }
  for (const YamlNode& item : node->items) items.push_back(&item);
  return items;
}

std::vector<std::string> Decoder::Strings(const YamlNode* node) {
  std::vector<std::string> strings;
  for (const YamlNode* item : List(node, "[]string")) {
    strings.push_back(String(item));
  }
  return strings;
}

std::vector<int> Decoder::Ints(const YamlNode* node) {
  std::vector<int> ints;
  for (const YamlNode* item : List(node, "[]int")) ints.push_back(Int(item));
  return ints;
}

std::map<std::string, std::string> Decoder::StringMap(const YamlNode* node) {
  std::map<std::string, std::string> map;
  if (!IsMap(node, "map[string]string")) return map;
  for (size_t i = 0; i < node->items.size(); ++i) {
    map[node->keys[i]] = String(&node->items[i]);
  }
  return map;
}

bool Decoder::IsMap(const YamlNode* node, std::string_view go_type) {
  if (IsAbsent(node)) return false;
  if (!node->is_map()) WrongType(*node, go_type);
  return node->is_map();
}

void Decoder::CheckKeys(const YamlNode& map, Keys known, Keys beyond) {
  auto has = [](Keys keys, std::string_view key) {
    return std::ranges::find(keys, key) != keys.end();
  };
  std::vector<std::string> candidates(known.begin(), known.end());
  if (is_strake_) {
    candidates.insert(candidates.end(), beyond.begin(), beyond.end());
  }
  for (size_t i = 0; i < map.keys.size(); ++i) {
    const std::string& key = map.keys[i];
    Place place = At(map.key_marks[i]);
    if (map.Find(key) != &map.items[i]) {
      problems_.Warn(place, "\"" + key +
                                "\" stands here more than once: the last one "
                                "is taken");
    } else if (!is_strake_ && has(beyond, key)) {
      problems_.Warn(place, "\"" + key +
                                "\" is ignored: it means something under "
                                "\"version: strake/v1\" only");
    } else if (!key.starts_with("x-") &&
               std::ranges::find(candidates, key) == candidates.end()) {
      problems_.Warn(place, "unknown key \"" + key + "\" is ignored" +
                                DidYouMean(key, candidates));
    }
  }
}

}  // namespace strake::tasks::file
