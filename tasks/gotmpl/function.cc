#include "tasks/gotmpl/function.h"

#include "tasks/gotmpl/format.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {

constexpr size_t kMaxItems = 1'000'000;

Status Context::Charge(size_t cost) {
  if (static_cast<int64_t>(cost) > budget) {
    return InvalidArgument("the template takes too much work");
  }
  budget -= static_cast<int64_t>(cost);
  return {};
}

std::string TypeText(Type type) {
  switch (type) {
    case Type::kAny:
      return "interface {}";
    case Type::kBool:
      return "bool";
    case Type::kInt:
      return "int";
    case Type::kFloat:
      return "float64";
    case Type::kString:
      return "string";
    case Type::kList:
      return "[]interface {}";
    case Type::kDict:
      return "map[string]interface {}";
  }
  return "";
}

std::vector<std::string> NamesOf(const Functions& functions) {
  std::vector<std::string> names;
  for (const auto& [name, function] : functions) names.push_back(name);
  return names;
}

Status CheckTextSize(size_t size) {
  if (size <= kMaxText) return {};
  return InvalidArgument("a text of " + HumanBytes(size) +
                         "; a template may make " + HumanBytes(kMaxText));
}

Status CheckListSize(size_t count) {
  if (count <= kMaxItems) return {};
  return InvalidArgument("a list of " + std::to_string(count) +
                         " items; a template may make " +
                         std::to_string(kMaxItems));
}

}  // namespace strake::tasks::gotmpl
