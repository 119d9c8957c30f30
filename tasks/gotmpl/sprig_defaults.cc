// What to take where something is missing; JSON; failing.

#include "tasks/gotmpl/json_value.h"
#include "tasks/gotmpl/sprig.h"
#include "util/result_macros.h"

namespace strake::tasks::gotmpl {
namespace {

Value Default(const Value& fallback, const std::vector<Value>& given) {
  return given.empty() || Empty(given[0]) ? fallback : given[0];
}

Value Coalesce(const std::vector<Value>& values) {
  for (const Value& value : values) {
    if (!Empty(value)) return value;
  }
  return Value();
}

// A copy that shares no dict.
Result<Value> DeepCopy(const Value& value, int depth) {
  if (depth > kMaxNesting) {
    return InvalidArgument("the value is nested deeper than " +
                           std::to_string(kMaxNesting) + " levels");
  }
  if (value.kind() == Kind::kList) {
    std::vector<Value> items;
    for (const Value& item : value.list().items()) {
      ASSIGN_OR_RETURN(Value copy, DeepCopy(item, depth + 1));
      items.push_back(std::move(copy));
    }
    return Value(std::make_shared<const List>(std::move(items),
                                              value.list().elements()));
  }
  if (value.kind() == Kind::kDict) {
    auto dict = std::make_shared<Dict>(value.dict().elements());
    for (const auto& [key, item] : value.dict().items()) {
      ASSIGN_OR_RETURN(Value copy, DeepCopy(item, depth + 1));
      dict->items()[key] = std::move(copy);
    }
    return Value(dict);
  }
  return value;
}

}  // namespace

bool Empty(const Value& value) { return !Truth(value); }

void AddSprigDefaults(Functions& functions) {
  AddFunction(functions, "default", [](Value fallback, Rest<Value> given) {
    return Default(fallback, given);
  });
  AddFunction(functions, "empty", Empty);
  AddFunction(functions, "coalesce",
              [](Rest<Value> values) { return Coalesce(values); });
  AddFunction(functions, "ternary", [](Value yes, Value no, bool condition) {
    return condition ? yes : no;
  });
  AddFunction(functions, "deepCopy",
              [](Value value) { return DeepCopy(value, 0); });
  // sprig gives "" for what JSON cannot hold.
  AddFunction(functions, "toJson", [](Value value) {
    return ToJson(value, JsonStyle::kCompact).value_or(std::string());
  });
  AddFunction(functions, "toPrettyJson", [](Value value) {
    return ToJson(value, JsonStyle::kIndented).value_or(std::string());
  });
  AddFunction(functions, "fail", [](std::string message) -> Result<Value> {
    return InvalidArgument(message);
  });
}

}  // namespace strake::tasks::gotmpl
