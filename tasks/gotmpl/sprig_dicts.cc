#include <utility>

#include "tasks/gotmpl/sprig.h"
#include "util/result_macros.h"

namespace strake::tasks::gotmpl {
namespace {

Result<Value> NewDict(const std::vector<Value>& values) {
  DictPtr dict = MakeDict();
  for (size_t i = 0; i < values.size(); i += 2) {
    ASSIGN_OR_RETURN(std::string key, ToText(values[i]));
    dict->items()[key] = i + 1 < values.size() ? values[i + 1] : Value("");
  }
  return Value(dict);
}

// Go would let a dict hold itself and fail only when it is printed.
Status Put(Dict& dict, const std::string& key, const Value& value) {
  if (Contains(value, dict)) {
    return InvalidArgument("key \"" + key +
                           "\": a dict cannot be put into itself");
  }
  dict.items()[key] = value;
  return {};
}

Result<Value> Set(DictPtr dict, const std::string& key, const Value& value) {
  RETURN_IF_ERROR(Put(*dict, key, value));
  return Value(std::move(dict));
}

Value Pluck(const std::string& key, const std::vector<DictPtr>& dicts) {
  std::vector<Value> found;
  for (const DictPtr& dict : dicts) {
    auto at = dict->items().find(key);
    if (at != dict->items().end()) found.push_back(at->second);
  }
  return MakeList(std::move(found));
}

Value Keys(const std::vector<DictPtr>& dicts) {
  std::vector<std::string> keys;
  for (const DictPtr& dict : dicts) {
    for (const auto& [key, value] : dict->items()) keys.push_back(key);
  }
  return MakeStrings(std::move(keys));
}

Value Values(const DictPtr& dict) {
  std::vector<Value> values;
  for (const auto& [key, value] : dict->items()) values.push_back(value);
  return MakeList(std::move(values));
}

Value Pick(const DictPtr& dict, const std::vector<std::string>& keys) {
  DictPtr picked = MakeDict();
  for (const std::string& key : keys) {
    auto at = dict->items().find(key);
    if (at != dict->items().end()) picked->items()[key] = at->second;
  }
  return picked;
}

Value Omit(const DictPtr& dict, const std::vector<std::string>& keys) {
  DictPtr kept = MakeDict();
  for (const auto& item : dict->items()) kept->items().insert(item);
  for (const std::string& key : keys) kept->items().erase(key);
  return kept;
}

enum class Existing { kStays, kIsReplaced };

// What `target` lacks, or has empty, comes from `source`; dicts in both are
// merged in turn.
Status MergeInto(Dict& target, Dict& source, Existing existing, int depth) {
  if (depth > kMaxNesting) {
    return InvalidArgument("the dicts are nested deeper than " +
                           std::to_string(kMaxNesting) + " levels");
  }
  if (&target == &source) return {};
  for (const auto& [key, value] : source.items()) {
    auto at = target.items().find(key);
    bool both = at != target.items().end() &&
                at->second.kind() == Kind::kDict && value.kind() == Kind::kDict;
    if (both) {
      DictPtr inner = at->second.dict_ptr();
      RETURN_IF_ERROR(MergeInto(*inner, value.dict(), existing, depth + 1));
      continue;
    }
    bool replaced = at == target.items().end() || Empty(at->second) ||
                    existing == Existing::kIsReplaced;
    if (replaced && !value.nil()) RETURN_IF_ERROR(Put(target, key, value));
  }
  return {};
}

Result<Value> Merge(const DictPtr& target, const std::vector<DictPtr>& sources,
                    Existing existing) {
  for (const DictPtr& source : sources) {
    RETURN_IF_ERROR(MergeInto(*target, *source, existing, 0));
  }
  return Value(target);
}

}  // namespace

void AddSprigDicts(Functions& functions) {
  AddFunction(functions, "dict",
              [](Rest<Value> values) { return NewDict(values); });
  AddFunction(functions, "set", Set);
  AddFunction(functions, "unset", [](DictPtr dict, std::string key) {
    dict->items().erase(key);
    return dict;
  });
  AddFunction(functions, "hasKey", [](DictPtr dict, std::string key) {
    return dict->items().contains(key);
  });
  AddFunction(functions, "pluck", [](std::string key, Rest<DictPtr> dicts) {
    return Pluck(key, dicts);
  });
  AddFunction(functions, "keys",
              [](Rest<DictPtr> dicts) { return Keys(dicts); });
  AddFunction(functions, "values", Values);
  AddFunction(functions, "pick", [](DictPtr dict, Rest<std::string> keys) {
    return Pick(dict, keys);
  });
  AddFunction(functions, "omit", [](DictPtr dict, Rest<std::string> keys) {
    return Omit(dict, keys);
  });
  AddFunction(functions, "merge", [](DictPtr target, Rest<DictPtr> sources) {
    return Merge(target, sources, Existing::kStays);
  });
  AddFunction(functions, "mergeOverwrite",
              [](DictPtr target, Rest<DictPtr> sources) {
                return Merge(target, sources, Existing::kIsReplaced);
              });
}

}  // namespace strake::tasks::gotmpl
