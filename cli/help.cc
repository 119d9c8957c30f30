#include "cli/help.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "util/strings.h"

namespace strake::cli {
namespace {

constexpr size_t kColumns = 80;
// Where the texts of options begin; longer names get a line of their own.
constexpr size_t kTextColumn = 30;

// `text` broken at blanks, each line after the first indented. The first is
// taken to begin at column `indent` already.
std::string Wrap(std::string_view text, size_t indent) {
  std::string result;
  size_t column = indent;
  for (std::string_view word : Split(text, ' ')) {
    bool first = column == indent;
    if (!first && column + 1 + word.size() > kColumns) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
      first = true;
    }
    if (!first) result += ' ';
    result += word;
    column += word.size() + (first ? 0 : 1);
  }
  return result + "\n";
}

std::string Entry(std::string_view left, std::string_view text) {
  std::string line = "  " + std::string(left);
  if (line.size() + 2 > kTextColumn) {
    line += "\n" + std::string(kTextColumn, ' ');
  } else {
    line.resize(kTextColumn, ' ');
  }
  return line + Wrap(text, kTextColumn);
}

std::string OptionNames(const OptionSet::Option& option) {
  std::string names = "    ";
  if (option.short_name != '\0') names = {'-', option.short_name, ',', ' '};
  names += "--" + option.long_name;
  if (option.value_optional) return names + "[=" + option.value.name + "]";
  if (!option.is_flag()) names += " " + option.value.name;
  return names;
}

std::string OptionText(const OptionSet::Option& option) {
  std::string text = option.help;
  if (!option.value.choices.empty()) {
    text += ": " + Join(option.value.choices, ", ");
  }
  if (option.is_list()) text += " (repeatable)";
  return text;
}

}  // namespace

std::string Overview() {
  std::string text =
      "strake builds container images from Dockerfiles, without a daemon.\n"
      "\n"
      "Usage: strake COMMAND [OPTIONS] ...\n";
  std::string_view group;
  for (const CommandEntry& entry : Commands()) {
    if (entry.group != group) {
      group = entry.group;
      text += "\n" + std::string(group) + ":\n";
    }
    std::string name = "  " + std::string(entry.name);
    name.resize(20, ' ');
    text += name + std::string(entry.summary) + "\n";
  }
  text +=
      "\nThe store is in $STRAKE_HOME, else in /var/lib/strake for root, else "
      "in\n$XDG_DATA_HOME/strake (~/.local/share/strake).\n"
      "\n'strake COMMAND --help' tells more.\n";
  return text;
}

std::string UsageLine(const CommandEntry& entry, const OptionSet& options) {
  std::string line = "strake " + std::string(entry.name) + " [OPTIONS]";
  if (!options.arguments().name.empty()) {
    line += " " + options.arguments().name;
  }
  return line;
}

std::string CommandHelp(const CommandEntry& entry, const OptionSet& options) {
  std::string text = "Usage: " + UsageLine(entry, options) + "\n\n";
  std::string_view description = entry.description;
  text += description.empty() ? std::string(entry.summary) + ".\n"
                              : Wrap(description, 0);
  if (!entry.alias.empty()) {
    text += "\nAlso: strake " + std::string(entry.alias) + "\n";
  }
  text += "\nOptions:\n";
  std::vector<std::string> missing;
  auto sorted = options.options();
  std::ranges::sort(sorted, {}, &OptionSet::Option::long_name);
  for (const OptionSet::Option& option : sorted) {
    if (option.supported) {
      text += Entry(OptionNames(option), OptionText(option));
    } else {
      missing.push_back("--" + option.long_name);
    }
  }
  text += Entry(options.ShortHelp() ? "-h, --help" : "    --help",
                "Show this text");
  if (!missing.empty()) {
    text += "\nNot supported yet:\n  " + Wrap(Join(missing, " "), 2);
  }
  if (!entry.examples.empty()) {
    text += "\nExamples:\n";
    for (std::string_view line : Split(entry.examples, '\n')) {
      text += "  " + std::string(line) + "\n";
    }
  }
  return text;
}

}  // namespace strake::cli
