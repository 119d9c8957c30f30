#include "dockerfile/flags.h"

#include <algorithm>
#include <utility>

#include "dockerfile/unicode.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::dockerfile {
namespace {

// Reads the word at `at` to the next unquoted blank; leaves `at` there. The
// escape is "\" whatever the escape directive says.
FlagWord ReadFlagWord(std::string_view text, size_t& at) {
  FlagWord word{.text = {}, .begin = at, .end = at};
  char quote = 0;
  while (at < text.size()) {
    char c = text[at];
    if (quote == 0 && BlankLength(text, at) > 0) break;
    if (c == '\\') {
      ++at;
      if (at == text.size()) break;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
      ++at;
      continue;
    } else if (quote != 0 && c == quote) {
      quote = 0;
      ++at;
      continue;
    }
    size_t length = CharLength(text, at);
    word.text += text.substr(at, length);
    at += length;
  }
  word.end = at;
  return word;
}

std::string CheckBool(const Flag& flag, bool has_value, std::string& value) {
  std::string name(flag.name);
  if (has_value && value.empty()) return "missing a value on flag: --" + name;
  std::string lower = ToLower(value);
  if (!lower.empty() && lower != "true" && lower != "false") {
    return "expecting boolean value for flag --" + name + ", not: " + value;
  }
  value = lower.empty() ? "true" : lower;
  return {};
}

}  // namespace

SplitFlagsResult SplitFlags(std::string_view text) {
  SplitFlagsResult result;
  size_t at = 0;
  while (true) {
    while (size_t blank = BlankLength(text, at)) at += blank;
    result.rest = at;
    if (text.substr(at, 2) != "--") return result;
    FlagWord word = ReadFlagWord(text, at);
    if (word.text == "--") {
      while (size_t blank = BlankLength(text, at)) at += blank;
      result.rest = at;
      return result;
    }
    result.flags.push_back(std::move(word));
  }
}

const Flag* ParseFlagsResult::Find(std::string_view name) const {
  auto found = std::find_if(flags.rbegin(), flags.rend(),
                            [&](const Flag& f) { return f.name == name; });
  return found == flags.rend() ? nullptr : &*found;
}

bool ParseFlagsResult::IsTrue(std::string_view name) const {
  const Flag* flag = Find(name);
  return flag != nullptr && flag->value == "true";
}

ParseFlagsResult ParseFlags(const std::vector<FlagWord>& words,
                            std::span<const FlagSpec> specs) {
  ParseFlagsResult result;
  for (const FlagWord& word : words) {
    auto fail = [&](std::string message) {
      result.errors.push_back({std::move(message), word.begin, word.end});
    };
    std::string_view text = std::string_view(word.text).substr(2);
    auto split = SplitOnce(text, '=');
    std::string_view name = split ? split->first : text;
    auto spec = std::find_if(specs.begin(), specs.end(),
                             [&](const auto& s) { return s.name == name; });
    if (spec == specs.end()) {
      std::vector<std::string> known;
      for (const FlagSpec& s : specs) known.emplace_back(s.name);
      fail("unknown flag: --" + std::string(name) + DidYouMean(name, known));
      continue;
    }
    if (spec->type != FlagType::kStrings &&
        result.Find(spec->name) != nullptr) {
      fail("duplicate flag specified: --" + std::string(name));
      continue;
    }
    Flag flag{.name = spec->name,
              .value = std::string(split ? split->second : ""),
              .begin = word.begin,
              .end = word.end};
    std::string problem;
    if (spec->type == FlagType::kBool) {
      problem = CheckBool(flag, split.has_value(), flag.value);
    } else if (!split) {
      problem = "missing a value on flag: --" + std::string(name);
    }
    if (problem.empty()) {
      result.flags.push_back(std::move(flag));
    } else {
      fail(std::move(problem));
    }
  }
  return result;
}

}  // namespace strake::dockerfile
