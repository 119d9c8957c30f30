// Completion scripts for shells, made from the table of commands and what each
// declares: they cannot fall behind it.

#ifndef STRAKE_CLI_COMPLETION_H_
#define STRAKE_CLI_COMPLETION_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/option_set.h"

namespace strake::cli {

// One command as a shell needs it.
struct CompletedCommand {
  std::vector<std::string> names;  // "images", "image ls"
  std::string summary;
  OptionSet options;
  std::unique_ptr<Command> command;  // keeps what `options` points to
};
std::vector<CompletedCommand> CompletedCommands();

// The first words of two-word commands with their second words: "registry"
// with "serve".
struct CommandFamily {
  std::string name;
  std::vector<std::string> members;
};
std::vector<CommandFamily> CommandFamilies();

// The command line that prints one image of the store a line.
inline constexpr std::string_view kListImages =
    "strake images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null";

std::string BashCompletion();
std::string ZshCompletion();
std::string FishCompletion();

}  // namespace strake::cli

#endif  // STRAKE_CLI_COMPLETION_H_
