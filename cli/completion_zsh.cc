#include <string>
#include <vector>

#include "cli/completion.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

// For use inside '...', in a specification of _arguments or _describe.
std::string Escape(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '\'') {
      escaped += "'\\''";
      continue;
    }
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string Action(Completes completes, const std::vector<std::string>& words) {
  if (!words.empty()) return "(" + Join(words, " ") + ")";
  switch (completes) {
    case Completes::kFiles:
      return "_files";
    case Completes::kFolders:
      return "_files -/";
    case Completes::kImages:
      return "_strake_images";
    case Completes::kNothing:
      break;
  }
  return " ";
}

std::string OptionSpec(const OptionSet::Option& option) {
  std::string value;
  if (!option.is_flag() && !option.value_optional) {
    value = ":" + Escape(option.value.name) + ":" +
            Action(option.value.completes, option.value.choices);
  }
  std::string text = "[" + Escape(option.help) + "]" + value + "'";
  std::string name = "--" + option.long_name;
  std::string repeat = option.is_list() ? "*" : "";
  // "=" in a name: the value may come after "=" or as the next word.
  std::string equals = value.empty() ? "" : "=";
  if (option.short_name == '\0') return "'" + repeat + name + equals + text;
  std::string short_name = {'-', option.short_name};
  // Braces: the same for either name.
  std::string exclude =
      option.is_list() ? "*" : "(" + short_name + " " + name + ")";
  return "'" + exclude + "'{" + short_name + "," + name + equals + "}'" + text;
}

std::string CommandCase(const CompletedCommand& command,
                        std::string_view name) {
  std::string text = "    " + std::string(name) + ")\n      _arguments -s -S";
  for (const OptionSet::Option& option : command.options.options()) {
    if (option.supported) text += " \\\n        " + OptionSpec(option);
  }
  text += " \\\n        '--help[Show help]'";
  const auto& arguments = command.options.arguments();
  if (arguments.max > 0) {
    text += " \\\n        '*:" + Escape(arguments.name) + ":" +
            Action(arguments.completes, arguments.choices) + "'";
  }
  return text + " ;;\n";
}

std::string Describe(const std::string& variable,
                     const std::vector<std::string>& entries) {
  std::string text = "  local -a " + variable + "=(\n";
  for (const std::string& entry : entries) text += "    '" + entry + "'\n";
  return text + "  )\n  _describe '" + variable + "' " + variable + "\n";
}

}  // namespace

// A function for each first word: `_strake` dispatches to commands,
// `_strake_<family>` to the second words of one family.
std::string ZshCompletion() {
  std::string text =
      "#compdef strake\n\n"
      "_strake_images() {\n"
      "  local -a images=(${(f)\"$(" +
      std::string(kListImages) +
      ")\"})\n"
      "  compadd -a images\n"
      "}\n";
  auto commands = CompletedCommands();
  std::vector<std::string> overview = {"help:Show help"};
  std::string cases;
  for (const CompletedCommand& command : commands) {
    const std::string& name = command.names[0];
    if (name.find(' ') != std::string::npos) continue;
    overview.push_back(name + ":" + Escape(command.summary));
    cases += CommandCase(command, name);
  }
  for (const CommandFamily& family : CommandFamilies()) {
    overview.push_back(family.name + ":" + Join(family.members, ", "));
    cases += "    " + family.name + ") _strake_" + family.name + " ;;\n";
    std::vector<std::string> members;
    std::string member_cases;
    for (const CompletedCommand& command : commands) {
      for (const std::string& name : command.names) {
        if (!name.starts_with(family.name + " ")) continue;
        std::string member = name.substr(family.name.size() + 1);
        members.push_back(member + ":" + Escape(command.summary));
        member_cases += CommandCase(command, member);
      }
    }
    text += "\n_strake_" + family.name +
            "() {\n"
            "  local state line\n"
            "  _arguments -C '1: :->member' '*:: :->rest' && return\n"
            "  if [[ $state == member ]]; then\n" +
            Describe("members", members) +
            "    return\n"
            "  fi\n"
            "  case $words[1] in\n" +
            member_cases + "  esac\n}\n";
  }
  text +=
      "\n_strake() {\n"
      "  local state line\n"
      "  _arguments -C '--version[Show the version]' '--help[Show help]' "
      "'1: :->command' '*:: :->rest' && return\n"
      "  if [[ $state == command ]]; then\n" +
      Describe("commands", overview) +
      "    return\n"
      "  fi\n"
      "  case $words[1] in\n" +
      cases +
      "  esac\n}\n\n"
      "if [[ $funcstack[1] == _strake ]]; then _strake \"$@\"; else compdef "
      "_strake strake; fi\n";
  return text;
}

}  // namespace strake::cli
