#include "tasks/gotmpl/builtins.h"
#include "tasks/gotmpl/format.h"
#include "util/result_macros.h"

namespace strake::tasks::gotmpl {
namespace {

bool Numeric(Kind kind) { return kind == Kind::kInt || kind == Kind::kInt64; }

Result<bool> Equal(const Value& a, const Value& b) {
  if (a.nil() || b.nil()) return a.nil() && b.nil();
  if (Numeric(a.kind()) && Numeric(b.kind())) return a.Int() == b.Int();
  if (a.kind() != b.kind()) {
    return InvalidArgument("incompatible types for comparison");
  }
  if (a.kind() == Kind::kList || a.kind() == Kind::kDict) {
    ASSIGN_OR_RETURN(std::string shown, PrintValue(a));
    return InvalidArgument("non-comparable type " + shown + ": " + TypeName(a));
  }
  return DeepEqual(a, b);
}

Result<bool> EqualToAny(const Value& value, const std::vector<Value>& others) {
  bool list = value.kind() == Kind::kList || value.kind() == Kind::kDict;
  if (list) return Equal(value, value);
  if (others.empty()) return InvalidArgument("missing argument for comparison");
  for (const Value& other : others) {
    ASSIGN_OR_RETURN(bool equal, Equal(value, other));
    if (equal) return true;
  }
  return false;
}

Result<bool> Less(const Value& a, const Value& b) {
  auto basic = [](const Value& value) {
    return Numeric(value.kind()) || value.kind() == Kind::kFloat ||
           value.kind() == Kind::kString || value.kind() == Kind::kBool;
  };
  if (!basic(a) || !basic(b)) {
    return InvalidArgument("invalid type for comparison");
  }
  if (Numeric(a.kind()) && Numeric(b.kind())) return a.Int() < b.Int();
  if (a.kind() != b.kind()) {
    return InvalidArgument("incompatible types for comparison");
  }
  if (a.kind() == Kind::kFloat) return a.Float() < b.Float();
  if (a.kind() == Kind::kString) return a.String() < b.String();
  return InvalidArgument("invalid type for comparison");
}

Result<bool> LessOrEqual(const Value& a, const Value& b) {
  ASSIGN_OR_RETURN(bool less, Less(a, b));
  if (less) return true;
  return Equal(a, b);
}

}  // namespace

void AddComparisons(Functions& functions) {
  AddFunction(functions, "eq", [](Value value, Rest<Value> others) {
    return EqualToAny(value, others);
  });
  AddFunction(functions, "ne", [](Value a, Value b) -> Result<bool> {
    ASSIGN_OR_RETURN(bool equal, Equal(a, b));
    return !equal;
  });
  AddFunction(functions, "lt", [](Value a, Value b) { return Less(a, b); });
  AddFunction(functions, "le",
              [](Value a, Value b) { return LessOrEqual(a, b); });
  AddFunction(functions, "gt", [](Value a, Value b) -> Result<bool> {
    ASSIGN_OR_RETURN(bool less, LessOrEqual(a, b));
    return !less;
  });
  AddFunction(functions, "ge", [](Value a, Value b) -> Result<bool> {
    ASSIGN_OR_RETURN(bool less, Less(a, b));
    return !less;
  });
}

}  // namespace strake::tasks::gotmpl
