#include "tasks/gotmpl/docker_functions.h"

#include <string>
#include <vector>

#include "tasks/gotmpl/builtins.h"
#include "tasks/gotmpl/json_value.h"
#include "tasks/gotmpl/sprig.h"
#include "tasks/gotmpl/utf8.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

// Only of a text that is not empty: columns without a value stay so.
Result<std::string> Padded(const std::string& text, int64_t before,
                           int64_t after) {
  if (text.empty()) return text;
  if (before < 0 || after < 0) {
    return InvalidArgument("the number of blanks is negative");
  }
  RETURN_IF_ERROR(CheckTextSize(static_cast<size_t>(before)));
  RETURN_IF_ERROR(CheckTextSize(static_cast<size_t>(after)));
  return std::string(static_cast<size_t>(before), ' ') + text +
         std::string(static_cast<size_t>(after), ' ');
}

std::string FirstUpper(const std::string& text) {
  std::u32string runes = Runes(text);
  if (!runes.empty()) runes[0] = ToUpperRune(runes[0]);
  return FromRunes(runes);
}

std::string Truncated(const std::string& text, int64_t count) {
  std::u32string runes = Runes(text);
  if (count < 0 || static_cast<uint64_t>(count) >= runes.size()) return text;
  return FromRunes(runes.substr(0, static_cast<size_t>(count)));
}

Functions MakeFunctions() {
  Functions functions;
  AddBuiltins(functions);
  AddFunction(functions, "json",
              [](Value value) { return ToJson(value, JsonStyle::kPlain); });
  AddFunction(functions, "join",
              [](Value list, std::string separator) -> Result<std::string> {
                ASSIGN_OR_RETURN(std::vector<std::string> texts, ToTexts(list));
                return Join(texts, separator);
              });
  AddFunction(functions, "split", [](std::string text, std::string separator) {
    return MakeStrings(SplitAt(separator, -1, text));
  });
  AddFunction(functions, "upper",
              [](std::string text) { return UpperText(text); });
  AddFunction(functions, "lower",
              [](std::string text) { return LowerText(text); });
  AddFunction(functions, "title", FirstUpper);
  AddFunction(functions, "pad", Padded);
  AddFunction(functions, "truncate", Truncated);
  return functions;
}

}  // namespace

const Functions& DockerFunctions() {
  static const Functions functions = MakeFunctions();
  return functions;
}

}  // namespace strake::tasks::gotmpl
