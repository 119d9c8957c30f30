// CLI11 does the parsing. It knows more than docker's rules have, so all that
// goes beyond them is kept from it: `--name=value` and `-n=value` reach it as
// two words (it would take `--name=` for a value that is still to come), every
// value is one word, and each command is an application of its own.

#include "cli/option_set.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <utility>

#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::cli {
namespace {

using Option = OptionSet::Option;

std::string Names(const Option& option) {
  std::string names;
  if (option.short_name != '\0') names = {'-', option.short_name, ','};
  return names + "--" + option.long_name;
}

const Option* FindLong(const std::vector<Option>& options,
                       std::string_view name) {
  for (const Option& option : options) {
    if (option.long_name == name) return &option;
  }
  return nullptr;
}

const Option* FindShort(const std::vector<Option>& options, char name) {
  for (const Option& option : options) {
    if (option.short_name == name) return &option;
  }
  return nullptr;
}

// The option that takes a value of its own word in "-xyz" (flags x and y, then
// z), and how much of `word` names it; nothing where none does.
struct ShortValue {
  const Option* option = nullptr;
  size_t length = 0;
};
ShortValue FindShortValue(const std::vector<Option>& options,
                          std::string_view word) {
  for (size_t i = 1; i < word.size(); ++i) {
    const Option* option = FindShort(options, word[i]);
    if (option == nullptr) return {};
    if (!option->is_flag()) return {option, i + 1};
  }
  return {};
}

// `words` with every value in a word of its own.
struct Normalized {
  std::vector<std::string> words;
  const Option* without_value = nullptr;  // the last word is an option's name
};
Normalized Normalize(const std::vector<Option>& options,
                     const std::vector<std::string>& words,
                     bool first_argument_ends) {
  Normalized result;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    bool is_option = word.size() > 1 && word[0] == '-';
    if (word == "--" || (!is_option && first_argument_ends)) {
      result.words.insert(result.words.end(), words.begin() + i, words.end());
      return result;
    }
    const Option* taker = nullptr;
    std::string_view name = word;
    std::optional<std::string_view> value;
    if (word.starts_with("--")) {
      if (auto pair = SplitOnce(word, '=')) std::tie(name, value) = *pair;
      taker = FindLong(options, name.substr(2));
    } else if (is_option) {
      if (auto found = FindShortValue(options, word); found.option) {
        taker = found.option;
        name = std::string_view(word).substr(0, found.length);
        std::string_view rest = std::string_view(word).substr(found.length);
        if (!rest.empty()) value = rest.substr(rest.starts_with('=') ? 1 : 0);
      }
    }
    if (taker == nullptr || taker->is_flag() || taker->value_optional) {
      result.words.push_back(word);
      continue;
    }
    result.words.emplace_back(name);
    if (value) {
      result.words.emplace_back(*value);
    } else if (i + 1 < words.size()) {
      result.words.push_back(words[++i]);
    } else {
      result.without_value = taker;
    }
  }
  return result;
}

Error UnknownOption(const std::vector<Option>& options, std::string_view word) {
  std::string_view name = word.substr(0, word.find('='));
  std::vector<std::string> names = {"--help"};
  for (const Option& option : options) {
    if (option.supported) names.push_back("--" + option.long_name);
  }
  return InvalidArgument("unknown option " + std::string(name) +
                         DidYouMean(name, names));
}

Status CheckChoice(const Option& option, const std::string& value) {
  const auto& choices = option.value.choices;
  if (choices.empty() ||
      std::find(choices.begin(), choices.end(), value) != choices.end()) {
    return {};
  }
  return InvalidArgument("--" + option.long_name + ": unknown value \"" +
                         value + "\"" + DidYouMean(value, choices) +
                         "; there are " + Join(choices, ", "));
}

Result<bool> ParseBool(const Option& option, const std::string& value) {
  // The words that Go's strconv.ParseBool takes, as docker does.
  std::string lower = ToLower(value);
  if (lower == "true" || lower == "t" || lower == "1") return true;
  if (lower == "false" || lower == "f" || lower == "0") return false;
  return InvalidArgument("--" + option.long_name + "=" + value +
                         ": expected true or false");
}

// Puts what was given for `option` where it belongs.
Status Store(const Option& option, const std::vector<std::string>& values) {
  if (values.empty()) return {};
  if (!option.supported) {
    return Unsupported("--" + option.long_name + " is not supported yet");
  }
  for (const std::string& value : values) {
    RETURN_IF_ERROR(CheckChoice(option, value));
  }
  if (auto* const* flag = std::get_if<bool*>(&option.target)) {
    ASSIGN_OR_RETURN(**flag, ParseBool(option, values.back()));
  } else if (auto* const* text = std::get_if<std::string*>(&option.target)) {
    **text = values.back();
  } else if (auto* const* maybe =
                 std::get_if<std::optional<std::string>*>(&option.target)) {
    **maybe = values.back();
  } else {
    auto& list = *std::get<std::vector<std::string>*>(option.target);
    list.insert(list.end(), values.begin(), values.end());
  }
  return {};
}

// The arguments among `rest`, which holds unknown options and "--" too.
Result<std::vector<std::string>> TakeArguments(
    const std::vector<Option>& options, const OptionSet::Arguments& spec,
    std::vector<std::string> rest) {
  std::vector<std::string> arguments;
  bool options_ended = false;
  for (std::string& word : rest) {
    if (!options_ended && word == "--") {
      options_ended = true;
      continue;
    }
    if (!options_ended && word.size() > 1 && word[0] == '-') {
      return UnknownOption(options, word);
    }
    arguments.push_back(std::move(word));
    options_ended = options_ended || spec.end_options;
  }
  return arguments;
}

Status CheckArguments(const OptionSet::Arguments& spec,
                      const std::vector<std::string>& given) {
  if (given.size() < spec.min) {
    return InvalidArgument(spec.name + " is missing");
  }
  if (given.size() > spec.max) {
    if (spec.max == 0) {
      return InvalidArgument("takes no argument, found \"" + given[0] + "\"");
    }
    return InvalidArgument("one argument too many: \"" + given[spec.max] +
                           "\"");
  }
  return {};
}

}  // namespace

Option& OptionSet::Add(std::string_view names, Target target,
                       std::string help) {
  Option option;
  if (auto pair = SplitOnce(names, ',')) {
    option.short_name = pair->first[1];
    names = pair->second;
  }
  option.long_name = names.substr(2);
  option.target = target;
  option.help = std::move(help);
  options_.push_back(std::move(option));
  return options_.back();
}

void OptionSet::Flag(std::string_view names, bool& target, std::string help) {
  Add(names, &target, std::move(help));
}

void OptionSet::Value(std::string_view names, std::string& target,
                      ValueStyle style, std::string help) {
  Add(names, &target, std::move(help)).value = std::move(style);
}

void OptionSet::Value(std::string_view names,
                      std::optional<std::string>& target, ValueStyle style,
                      std::string help) {
  Add(names, &target, std::move(help)).value = std::move(style);
}

void OptionSet::List(std::string_view names, std::vector<std::string>& target,
                     ValueStyle style, std::string help) {
  Add(names, &target, std::move(help)).value = std::move(style);
}

void OptionSet::OptionalValue(std::string_view names,
                              std::optional<std::string>& target,
                              std::string help) {
  Add(names, &target, std::move(help)).value_optional = true;
}

void OptionSet::NotYetFlag(std::string_view names) {
  Add(names, static_cast<bool*>(nullptr), "").supported = false;
}

void OptionSet::NotYetValue(std::string_view names) {
  Add(names, static_cast<std::string*>(nullptr), "").supported = false;
}

bool OptionSet::ShortHelp() const {
  return FindShort(options_, 'h') == nullptr;
}

Result<OptionSet::Parsed> OptionSet::Parse(
    const std::vector<std::string>& words) const {
  auto [normal, without_value] =
      Normalize(options_, words, arguments_.end_options);

  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.prefix_command(arguments_.end_options);
  bool help = false;
  app.add_flag(ShortHelp() ? "-h,--help" : "--help", help);
  std::vector<std::vector<std::string>> given(options_.size());
  for (size_t i = 0; i < options_.size(); ++i) {
    const Option& option = options_[i];
    bool flag = option.is_flag() || option.value_optional;
    if (flag) {
      app.add_flag(Names(option), given[i]);
    } else {
      app.add_option(Names(option), given[i])->allow_extra_args(false);
    }
  }
  std::vector<std::string> rest;  // what is no option that we know
  std::string parse_error;
  try {
    std::vector<std::string> reversed(normal.rbegin(), normal.rend());
    app.parse(reversed);
    rest = app.remaining();
  } catch (const CLI::Error& error) {
    parse_error = error.what();
  }
  if (help) return Parsed{true, {}};
  if (without_value != nullptr) {
    return InvalidArgument("--" + without_value->long_name +
                           " needs a value: " + without_value->value.name);
  }
  if (!parse_error.empty()) return InvalidArgument(parse_error);
  ASSIGN_OR_RETURN(std::vector<std::string> arguments,
                   TakeArguments(options_, arguments_, std::move(rest)));
  for (size_t i = 0; i < options_.size(); ++i) {
    RETURN_IF_ERROR(Store(options_[i], given[i]));
  }
  RETURN_IF_ERROR(CheckArguments(arguments_, arguments));
  return Parsed{false, std::move(arguments)};
}

}  // namespace strake::cli
