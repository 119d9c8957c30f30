#include "tasks/file/values.h"

#include "tasks/file/yaml_scalar.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/yaml.h"

namespace strake::tasks::file {
namespace {

nlohmann::json ToJson(const YamlNode& node) {
  if (node.is_list()) {
    auto list = nlohmann::json::array();
    for (const YamlNode& item : node.items) list.push_back(ToJson(item));
    return list;
  }
  if (node.is_map()) {
    auto map = nlohmann::json::object();
    for (size_t i = 0; i < node.items.size(); ++i) {
      map[node.keys[i]] = ToJson(node.items[i]);
    }
    return map;
  }
  switch (TypeOf(node)) {
    case ScalarType::kNull:
      return nullptr;
    case ScalarType::kBool:
      return BoolOf(node);
    case ScalarType::kInt:
      return IntOf(node);
    case ScalarType::kFloat:
      return FloatOf(node);
    case ScalarType::kString:
      break;
  }
  return node.text;
}

Error ErrorAt(const std::string& file, YamlMark mark, std::string_view what) {
  return InvalidArgument(file + ":" + std::to_string(mark.line) + ":" +
                         std::to_string(mark.column) +
                         ": yaml: " + std::string(what));
}

}  // namespace

Result<std::string> ReadValues(std::string_view text, const std::string& file) {
  YamlMark failed;
  auto root = ParseYaml(text, DuplicateKeys::kKeep, &failed);
  if (!root) return ErrorAt(file, failed, root.error().message());
  if (root->is_null()) return std::string("{}");
  if (!root->is_map()) {
    return ErrorAt(file, root->mark,
                   "values are a map of names to what they stand for");
  }
  return DumpJson(ToJson(*root));
}

Result<std::string> SetValues(const std::string& values,
                              std::span<const std::string> settings) {
  ASSIGN_OR_RETURN(nlohmann::json object, ParseJson(values));
  for (const std::string& setting : settings) {
    auto parts = SplitOnce(setting, '=');
    if (!parts) {
      return InvalidArgument(
          "failed to parse --set data; invalid format, no = assignment found");
    }
    if (parts->first.empty()) {
      return InvalidArgument(
          "failed to parse --set data; expected a key=val format");
    }
    object[std::string(parts->first)] = std::string(parts->second);
  }
  return DumpJson(object);
}

}  // namespace strake::tasks::file
