#include "builder/bake/interpolate.h"

#include "util/result_macros.h"

namespace strake::builder::bake {
namespace {

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsNamePart(char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); }

size_t NameLength(std::string_view text) {
  if (text.empty() || !IsNameStart(text[0])) return 0;
  size_t length = 1;
  while (length < text.size() && IsNamePart(text[length])) ++length;
  return length;
}

// Where the brace that is open at the start of `text` is closed.
Result<size_t> FindClosingBrace(std::string_view text) {
  int depth = 1;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i;
  }
  return InvalidArgument("\"${" + std::string(text) + "\" is not closed");
}

// Takes "${...}" off the front of `text`; what was between the braces.
Result<std::string_view> TakeBraced(std::string_view& text) {
  text.remove_prefix(2);
  ASSIGN_OR_RETURN(size_t end, FindClosingBrace(text));
  std::string_view inside = text.substr(0, end);
  text.remove_prefix(end + 1);
  return inside;
}

Result<std::string> EvaluateHcl(std::string_view expression,
                                const Lookup& lookup) {
  for (char c : expression) {
    if (IsNamePart(c) || c == '.' || c == '-') continue;
    return Unsupported("\"${" + std::string(expression) +
                       "}\" is more than a variable, which is not supported: "
                       "have it computed with docker buildx bake --print");
  }
  if (auto value = lookup(expression)) return *std::move(value);
  return InvalidArgument("there is no variable \"" + std::string(expression) +
                         "\"");
}

// What is between the braces: a name, and what to do by whether it is set.
Result<std::string> EvaluateCompose(std::string_view expression,
                                    const Lookup& lookup) {
  size_t length = NameLength(expression);
  std::string name(expression.substr(0, length));
  std::string_view rest = expression.substr(length);
  std::optional<std::string> value = lookup(name);
  if (length > 0 && rest.empty()) return value.value_or("");
  bool empty_counts = rest.starts_with(':');
  if (empty_counts) rest.remove_prefix(1);
  if (length == 0 || rest.empty() ||
      std::string_view("-+?").find(rest[0]) == std::string_view::npos) {
    return InvalidArgument("\"${" + std::string(expression) +
                           "}\" is not a variable");
  }
  bool is_set = value && !(empty_counts && value->empty());
  char what = rest[0];
  if (is_set && what != '+') return *std::move(value);
  if (!is_set && what == '+') return std::string();
  ASSIGN_OR_RETURN(std::string word,
                   InterpolateCompose(rest.substr(1), lookup));
  if (what != '?') return word;
  return InvalidArgument("the variable " + name + " is required" +
                         (word.empty() ? "" : ": " + word));
}

}  // namespace

Result<std::string> InterpolateHcl(std::string_view text,
                                   const Lookup& lookup) {
  std::string result;
  while (!text.empty()) {
    if (text.starts_with("$${")) {
      result += "${";
      text.remove_prefix(3);
    } else if (text.starts_with("${")) {
      ASSIGN_OR_RETURN(std::string_view inside, TakeBraced(text));
      ASSIGN_OR_RETURN(std::string value, EvaluateHcl(inside, lookup));
      result += value;
    } else {
      result += text[0];
      text.remove_prefix(1);
    }
  }
  return result;
}

Result<std::string> InterpolateCompose(std::string_view text,
                                       const Lookup& lookup) {
  std::string result;
  while (!text.empty()) {
    if (text.starts_with("$$")) {
      result += '$';
      text.remove_prefix(2);
    } else if (text.starts_with("${")) {
      ASSIGN_OR_RETURN(std::string_view inside, TakeBraced(text));
      ASSIGN_OR_RETURN(std::string value, EvaluateCompose(inside, lookup));
      result += value;
    } else if (text[0] == '$') {
      size_t length = NameLength(text.substr(1));
      if (length == 0) {
        return InvalidArgument("\"" + std::string(text) +
                               "\" is no variable; write $$ for a dollar sign");
      }
      result += lookup(text.substr(1, length)).value_or("");
      text.remove_prefix(1 + length);
    } else {
      result += text[0];
      text.remove_prefix(1);
    }
  }
  return result;
}

}  // namespace strake::builder::bake
