#include "builder/bake/read_field.h"

#include <utility>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::bake {
namespace {

// A field of a CSV line, in quotes where it needs them.
std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  return '"' + ReplaceAll(text, "\"", "\"\"") + '"';
}

}  // namespace

Result<std::string> FieldReader::Text(const Node& node) const {
  if (!node.is_scalar()) return ErrorAt(file_, node, "expected a text");
  auto expanded = expand_(node.text);
  if (expanded) return expanded;
  return Error(expanded.error().code(),
               ErrorAt(file_, node, expanded.error().message()).message());
}

Result<std::string> FieldReader::Flag(const Node& node) const {
  ASSIGN_OR_RETURN(std::string text, Text(node));
  // As a variable that is not set has it.
  if (text.empty()) return std::string("false");
  auto flag = ParseFlag(text);
  if (flag) return std::string(*flag ? "true" : "false");
  return ErrorAt(file_, node, flag.error().message());
}

Result<std::string> FieldReader::Entry(const Node& map) const {
  std::vector<std::string> fields;
  for (size_t i = 0; i < map.items.size(); ++i) {
    const Node& item = map.items[i];
    if (item.is_list()) {
      // `ssh` of `bake --print`: {"id": "default", "paths": [...]}.
      ASSIGN_OR_RETURN(std::vector<std::string> values, List(item));
      fields.push_back(CsvField(map.keys[i] + "=" + Join(values, ",")));
      continue;
    }
    ASSIGN_OR_RETURN(std::string value, Text(item));
    fields.push_back(CsvField(map.keys[i] + "=" + value));
  }
  return Join(fields, ",");
}

Result<std::vector<std::string>> FieldReader::List(const Node& node) const {
  std::vector<std::string> list;
  if (node.is_null()) return list;
  if (node.is_scalar()) {
    ASSIGN_OR_RETURN(std::string text, Text(node));
    list.push_back(std::move(text));
    return list;
  }
  if (!node.is_list()) return ErrorAt(file_, node, "expected a list");
  for (const Node& item : node.items) {
    ASSIGN_OR_RETURN(std::string text,
                     item.is_map() ? Entry(item) : Text(item));
    list.push_back(std::move(text));
  }
  return list;
}

Result<std::map<std::string, std::optional<std::string>>> FieldReader::Map(
    const Node& node) const {
  std::map<std::string, std::optional<std::string>> map;
  if (node.is_null()) return map;
  if (node.is_list()) {
    ASSIGN_OR_RETURN(std::vector<std::string> list, List(node));
    for (const std::string& item : list) {
      auto pair = SplitOnce(item, '=');
      if (pair) {
        map[std::string(pair->first)] = std::string(pair->second);
      } else {
        map[item] = std::nullopt;
      }
    }
    return map;
  }
  if (node.is_scalar()) RETURN_IF_ERROR(Text(node));
  if (!node.is_map()) {
    return ErrorAt(file_, node, "expected names with values");
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    std::optional<std::string>& value = map[node.keys[i]];
    if (node.items[i].is_null()) continue;
    ASSIGN_OR_RETURN(value, Text(node.items[i]));
  }
  return map;
}

Status FieldReader::Read(const Field& field, const Node& node,
                         Target& target) const {
  if (node.is_null()) return {};
  std::string name(field.name);
  switch (field.kind) {
    case Field::Kind::kValue: {
      ASSIGN_OR_RETURN(target.values[name], Text(node));
      return {};
    }
    case Field::Kind::kFlag: {
      ASSIGN_OR_RETURN(target.values[name], Flag(node));
      return {};
    }
    case Field::Kind::kMap: {
      ASSIGN_OR_RETURN(target.maps[name], Map(node));
      return {};
    }
    case Field::Kind::kList:
    case Field::Kind::kLongList: {
      ASSIGN_OR_RETURN(target.lists[name], List(node));
      return {};
    }
  }
  return {};
}

}  // namespace strake::builder::bake
