#include "tasks/run/flags.h"

#include <algorithm>

#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::tasks::run {
namespace {

using Values = std::vector<std::pair<std::string_view, std::string>>;

bool IsSwitch(const Flag& flag) {
  return flag.takes == Flag::Takes::kNothing ||
         flag.takes == Flag::Takes::kRefused;
}

bool IsRefused(const Flag& flag) {
  return flag.takes == Flag::Takes::kRefused ||
         flag.takes == Flag::Takes::kRefusedValue;
}

class Parser {
 public:
  Parser(std::string_view command, std::span<const Flag> known,
         std::span<const std::string> words, Values& values)
      : command_(command), known_(known), words_(words), values_(values) {}

  Status Parse(FlagsEnd end, std::vector<std::string>& arguments) {
    while (at_ < words_.size()) {
      const std::string& word = words_[at_++];
      if (word == "--") break;
      if (word.size() < 2 || word[0] != '-') {
        arguments.push_back(word);
        if (end == FlagsEnd::kAtArgument) break;
        continue;
      }
      RETURN_IF_ERROR(word[1] == '-' ? TakeLong(word.substr(2))
                                     : TakeShort(word.substr(1)));
    }
    arguments.insert(arguments.end(), words_.begin() + Offset(), words_.end());
    return {};
  }

 private:
  std::ptrdiff_t Offset() const { return static_cast<std::ptrdiff_t>(at_); }
  Error Wrong(const std::string& what) const {
    return InvalidArgument(std::string(command_) + ": " + what);
  }

  Status TakeLong(const std::string& text) {
    const auto parts = SplitOnce(text, '=');
    const std::string_view name = parts ? parts->first : text;
    auto flag = std::ranges::find(known_, name, &Flag::name);
    if (flag == known_.end()) return Unknown(name);
    if (parts) return Add(*flag, "--" + text, std::string(parts->second));
    return AddNext(*flag, "--" + text);
  }

  // "it" is -i -t; "p80:80" and "p=80:80" are -p 80:80.
  Status TakeShort(std::string_view letters) {
    while (!letters.empty()) {
      auto flag = std::ranges::find(known_, letters[0], &Flag::letter);
      if (flag == known_.end()) {
        return Wrong("unknown shorthand flag: '" +
                     std::string(letters.substr(0, 1)) + "' in -" +
                     std::string(letters));
      }
      const std::string shown = "-" + std::string(letters.substr(0, 1));
      letters.remove_prefix(1);
      const bool attached =
          !letters.empty() && (!IsSwitch(*flag) || letters[0] == '=');
      if (attached) {
        if (letters[0] == '=') letters.remove_prefix(1);
        return Add(*flag, shown, std::string(letters));
      }
      RETURN_IF_ERROR(AddNext(*flag, shown));
    }
    return {};
  }

  Status AddNext(const Flag& flag, const std::string& shown) {
    if (IsSwitch(flag)) return Add(flag, shown, "true");
    if (at_ >= words_.size()) {
      return Wrong("flag needs an argument: " + shown);
    }
    return Add(flag, shown, words_[at_++]);
  }

  Status Add(const Flag& flag, const std::string& shown, std::string value) {
    if (IsSwitch(flag) && value != "true" && value != "false") {
      return Wrong(shown + ": expected true or false, found \"" + value + "\"");
    }
    if (IsRefused(flag) && value != "false") {
      return Unsupported(std::string(command_) + ": " + shown + ": " +
                         std::string(flag.why));
    }
    values_.emplace_back(flag.name, std::move(value));
    return {};
  }

  Status Unknown(std::string_view name) const {
    std::vector<std::string> names;
    for (const Flag& flag : known_) names.emplace_back(flag.name);
    return Wrong("unknown flag: --" + std::string(name) +
                 DidYouMean(name, names));
  }

  std::string_view command_;
  std::span<const Flag> known_;
  std::span<const std::string> words_;
  Values& values_;
  size_t at_ = 0;
};

}  // namespace

bool ParsedFlags::On(std::string_view name) const {
  return Last(name) == "true";
}

std::string ParsedFlags::Last(std::string_view name) const {
  std::string last;
  for (const auto& [flag, value] : values_) {
    if (flag == name) last = value;
  }
  return last;
}

bool ParsedFlags::Has(std::string_view name) const {
  return std::ranges::any_of(
      values_, [&](const auto& entry) { return entry.first == name; });
}

std::vector<std::string> ParsedFlags::All(std::string_view name) const {
  std::vector<std::string> all;
  for (const auto& [flag, value] : values_) {
    if (flag == name) all.push_back(value);
  }
  return all;
}

Result<ParsedFlags> ParseFlags(std::string_view command,
                               std::span<const Flag> known, FlagsEnd end,
                               std::span<const std::string> words) {
  ParsedFlags parsed;
  Parser parser(command, known, words, parsed.values_);
  RETURN_IF_ERROR(parser.Parse(end, parsed.arguments_));
  return parsed;
}

}  // namespace strake::tasks::run
