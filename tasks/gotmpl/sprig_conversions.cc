// Between texts, numbers and lists of texts.

#include <algorithm>
#include <cmath>
#include <limits>

#include "tasks/gotmpl/constant.h"
#include "tasks/gotmpl/format.h"
#include "tasks/gotmpl/sprig.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

// strconv.ParseInt(text, 10, 64), 0 for what is no number.
int64_t Decimal(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  return ParseInt(text).value_or(0);
}

int64_t Truncated(double number) {
  constexpr double kTop = 9223372036854775808.0;
  if (std::isnan(number)) return 0;
  if (number >= kTop) return std::numeric_limits<int64_t>::max();
  if (number < -kTop) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(number);
}

// The decimal number whose octal digits are those of `value`.
Result<Value> FromOctal(const Value& value) {
  ASSIGN_OR_RETURN(std::string text, PrintValue(value));
  bool negative = text.starts_with('-');
  std::string_view digits = text;
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  auto magnitude = ParseUint(digits, 8);
  if (!magnitude || *magnitude > uint64_t{INT64_MAX}) return Value(Int64{0});
  auto number = static_cast<int64_t>(*magnitude);
  return Value(Int64{negative ? -number : number});
}

}  // namespace

int64_t ToInteger(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
      return Decimal(value.String());
    case Kind::kInt:
    case Kind::kInt64:
      return value.Int();
    case Kind::kFloat:
      return Truncated(value.Float());
    case Kind::kBool:
      return value.Bool() ? 1 : 0;
    default:
      return 0;
  }
}

double ToFloat(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
      return ParseGoFloat(value.String()).value_or(0);
    case Kind::kInt:
    case Kind::kInt64:
      return static_cast<double>(value.Int());
    case Kind::kFloat:
      return value.Float();
    case Kind::kBool:
      return value.Bool() ? 1 : 0;
    default:
      return 0;
  }
}

Result<std::string> ToText(const Value& value) {
  if (value.kind() == Kind::kString) return value.String();
  return PrintValue(value);
}

Result<std::vector<std::string>> ToTexts(const Value& value) {
  std::vector<std::string> texts;
  if (value.nil()) return texts;
  if (value.kind() != Kind::kList) {
    ASSIGN_OR_RETURN(std::string text, ToText(value));
    texts.push_back(std::move(text));
    return texts;
  }
  for (const Value& item : value.list().items()) {
    if (item.nil()) continue;
    ASSIGN_OR_RETURN(std::string text, ToText(item));
    texts.push_back(std::move(text));
  }
  return texts;
}

void AddSprigConversions(Functions& functions) {
  AddFunction(functions, "atoi",
              [](std::string text) { return Decimal(text); });
  AddFunction(functions, "int", ToInteger);
  AddFunction(functions, "int64",
              [](Value value) { return Int64{ToInteger(value)}; });
  AddFunction(functions, "float64", ToFloat);
  AddFunction(functions, "toDecimal", FromOctal);
  AddFunction(functions, "toString", ToText);
  AddFunction(functions, "toStrings", [](Value value) -> Result<Value> {
    ASSIGN_OR_RETURN(std::vector<std::string> texts, ToTexts(value));
    return MakeStrings(std::move(texts));
  });
}

}  // namespace strake::tasks::gotmpl
