#include <string>
#include <vector>

#include "cli/completion.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

std::string Quote(std::string_view text) {
  return "'" + ReplaceAll(ReplaceAll(text, "\\", "\\\\"), "'", "\\'") + "'";
}

// What follows an option's or argument's name: nothing but `words`, files, or
// images.
std::string Action(Completes completes, const std::vector<std::string>& words) {
  if (!words.empty()) return " -x -a " + Quote(Join(words, " "));
  switch (completes) {
    case Completes::kFiles:
      return " -r -F";
    case Completes::kFolders:
      return " -x -a '(__fish_complete_directories)'";
    case Completes::kImages:
      return " -x -a '(__strake_images)'";
    case Completes::kNothing:
      break;
  }
  return " -x";
}

// fish tells where in the line it is by the words it has seen: the last word of
// each name of the command.
std::string Condition(const CompletedCommand& command) {
  std::vector<std::string> words;
  for (const std::string& name : command.names) {
    words.push_back(name.substr(name.rfind(' ') + 1));
  }
  return " -n '__fish_seen_subcommand_from " + Join(words, " ") + "'";
}

}  // namespace

std::string FishCompletion() {
  const std::string complete = "complete -c strake";
  std::string text =
      "# fish completion for strake\n"
      "function __strake_images\n    " +
      std::string(kListImages) + "\nend\n\n" + complete + " -f\n" + complete +
      " -n __fish_use_subcommand -l version -d 'Show the "
      "version'\n" +
      complete + " -l help -d 'Show help'\n";
  for (const CommandFamily& family : CommandFamilies()) {
    std::string members = Join(family.members, " ");
    text += complete + " -n __fish_use_subcommand -a " + family.name + " -d " +
            Quote(Join(family.members, ", ")) + "\n" + complete +
            " -n '__fish_seen_subcommand_from " + family.name +
            "; and not __fish_seen_subcommand_from " + members + "' -a " +
            Quote(members) + "\n";
  }
  for (const CompletedCommand& command : CompletedCommands()) {
    if (command.names[0].find(' ') == std::string::npos) {
      text += complete + " -n __fish_use_subcommand -a " + command.names[0] +
              " -d " + Quote(command.summary) + "\n";
    }
    std::string condition = Condition(command);
    for (const OptionSet::Option& option : command.options.options()) {
      if (!option.supported) continue;
      text += complete + condition;
      if (option.short_name != '\0') {
        text += std::string(" -s ") + option.short_name;
      }
      text += " -l " + option.long_name;
      if (!option.is_flag() && !option.value_optional) {
        text += Action(option.value.completes, option.value.choices);
      }
      text += " -d " + Quote(option.help) + "\n";
    }
    const auto& arguments = command.options.arguments();
    if (arguments.max > 0 && (arguments.completes != Completes::kNothing ||
                              !arguments.choices.empty())) {
      std::string action = Action(arguments.completes, arguments.choices);
      // An argument has no option to be required by.
      action = ReplaceAll(action, " -x", "");
      text += complete + condition + ReplaceAll(action, " -r", "") + "\n";
    }
  }
  return text;
}

}  // namespace strake::cli
