#include "dockerfile/variable_pattern.h"

#include <re2/re2.h>

#include <memory>
#include <utility>

#include "dockerfile/unicode.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::dockerfile {
namespace {

using re2::RE2;
using re2::StringPiece;

StringPiece Piece(std::string_view text) { return {text.data(), text.size()}; }

// `pattern` as a regular expression without anchors.
Result<std::string> ToRegex(std::string_view pattern, MatchLength length) {
  std::string regex;
  for (size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    if (c == '*') {
      regex += length == MatchLength::kLongest ? ".*" : ".*?";
      continue;
    }
    if (c == '?') {
      regex += '.';
      continue;
    }
    if (c == '\\') {
      // "\}" and "\/" protect the character from ending the substitution.
      constexpr std::string_view kEscapable = "*?\\}/";
      if (i + 1 == pattern.size() ||
          kEscapable.find(pattern[i + 1]) == std::string_view::npos) {
        std::string_view rest = pattern.substr(i + 1);
        return InvalidArgument(
            "invalid pattern (" + std::string(pattern) +
            ") in substitution: invalid escape '\\" +
            std::string(rest.empty() ? rest
                                     : rest.substr(0, CharLength(rest, 0))) +
            "'");
      }
      c = pattern[++i];
    }
    regex += RE2::QuoteMeta(StringPiece(&c, 1));
  }
  return regex;
}

// Compiles `regex` for matching against `value`; bytes that are not UTF-8 on
// either side make every byte a character of its own.
Result<std::unique_ptr<RE2>> Compile(const std::string& regex,
                                     std::string_view value) {
  RE2::Options options;
  options.set_log_errors(false);
  if (!IsUtf8(regex) || !IsUtf8(value)) {
    options.set_encoding(RE2::Options::EncodingLatin1);
  }
  auto compiled = std::make_unique<RE2>(Piece(regex), options);
  if (!compiled->ok()) {
    return InvalidArgument("pattern in substitution is too long: " +
                           compiled->error());
  }
  return compiled;
}

// Go's regexp.Expand for an expression without groups: `$0` is the match,
// other references are empty.
std::string ExpandTemplate(std::string_view replacement,
                           std::string_view match) {
  std::string out;
  while (!replacement.empty()) {
    size_t dollar = replacement.find('$');
    out += replacement.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    replacement.remove_prefix(dollar + 1);
    if (!replacement.empty() && replacement[0] == '$') {
      out += '$';
      replacement.remove_prefix(1);
      continue;
    }
    bool brace = !replacement.empty() && replacement[0] == '{';
    size_t start = brace ? 1 : 0, end = start;
    while (end < replacement.size()) {
      size_t length = LetterLength(replacement, end);
      if (length == 0) length = DigitLength(replacement, end);
      if (length == 0 && replacement[end] == '_') length = 1;
      if (length == 0) break;
      end += length;
    }
    bool closed =
        !brace || (end < replacement.size() && replacement[end] == '}');
    if (end == start || !closed) {
      out += '$';
      continue;
    }
    auto number = ParseUint(replacement.substr(start, end - start));
    if (number == 0u) out += match;
    replacement.remove_prefix(end + (brace ? 1 : 0));
  }
  return out;
}

}  // namespace

Result<std::string> RemovePrefix(std::string_view value,
                                 std::string_view pattern, MatchLength length) {
  ASSIGN_OR_RETURN(std::string regex, ToRegex(pattern, length));
  ASSIGN_OR_RETURN(std::unique_ptr<RE2> re, Compile(regex, value));
  StringPiece match;
  if (re->Match(Piece(value), 0, value.size(), RE2::ANCHOR_START, &match, 1)) {
    value.remove_prefix(match.size());
  }
  return std::string(value);
}

Result<std::string> RemoveSuffix(std::string_view value,
                                 std::string_view pattern, MatchLength length) {
  // The longest suffix leaves the shortest rest, and the other way round.
  bool longest = length == MatchLength::kLongest;
  ASSIGN_OR_RETURN(std::string regex, ToRegex(pattern, length));
  ASSIGN_OR_RETURN(
      std::unique_ptr<RE2> re,
      Compile((longest ? "((?s).*?)(?:" : "((?s).*)(?:") + regex + ")", value));
  StringPiece groups[2];
  if (re->Match(Piece(value), 0, value.size(), RE2::ANCHOR_BOTH, groups, 2)) {
    value = value.substr(0, groups[1].size());
  }
  return std::string(value);
}

// Replacements may be nested, and each level multiplies: a line of a hundred
// bytes could ask for gigabytes. No environment or argument takes 1 MiB.
constexpr size_t kMaxReplacedBytes = 1 << 20;

Result<std::string> ReplacePattern(std::string_view value,
                                   std::string_view pattern,
                                   std::string_view replacement,
                                   Occurrences occurrences) {
  ASSIGN_OR_RETURN(std::string regex, ToRegex(pattern, MatchLength::kLongest));
  ASSIGN_OR_RETURN(std::unique_ptr<RE2> re, Compile(regex, value));
  std::string out;
  size_t copied = 0;  // `value` up to here is in `out`, replaced
  StringPiece match;
  for (size_t from = 0; from <= value.size();) {
    if (!re->Match(Piece(value), from, value.size(), RE2::UNANCHORED, &match,
                   1)) {
      break;
    }
    size_t start = static_cast<size_t>(match.data() - value.data());
    size_t end = start + match.size();
    out += value.substr(copied, start - copied);
    std::string_view matched = value.substr(start, end - start);
    if (occurrences == Occurrences::kFirst) {
      out += replacement;
      copied = end;
      break;
    }
    // An empty match right behind another match is not replaced.
    if (end > copied || start == 0) out += ExpandTemplate(replacement, matched);
    if (out.size() > kMaxReplacedBytes) {
      return InvalidArgument(
          "replacing " + GoQuote(pattern) +
          " in a variable gives more than 1 MiB, which nothing can take");
    }
    copied = end;
    size_t step = from < value.size() ? CharLength(value, from) : 1;
    from = std::max(from + step, end);
  }
  out += value.substr(copied);
  return out;
}

}  // namespace strake::dockerfile
