#include "cli/completion.h"

#include <algorithm>
#include <utility>

#include "util/strings.h"

namespace strake::cli {

std::vector<CompletedCommand> CompletedCommands() {
  std::vector<CompletedCommand> commands;
  for (const CommandEntry& entry : Commands()) {
    CompletedCommand command;
    command.names.emplace_back(entry.name);
    if (!entry.alias.empty()) command.names.emplace_back(entry.alias);
    command.summary = entry.summary;
    command.command = entry.make();
    command.command->Declare(command.options);
    commands.push_back(std::move(command));
  }
  return commands;
}

std::vector<CommandFamily> CommandFamilies() {
  std::vector<CommandFamily> families;
  for (const std::string& name : CommandNames()) {
    auto pair = SplitOnce(name, ' ');
    if (!pair) continue;
    auto found = std::ranges::find(families, pair->first, &CommandFamily::name);
    if (found == families.end()) {
      families.push_back({std::string(pair->first), {}});
      found = families.end() - 1;
    }
    found->members.emplace_back(pair->second);
  }
  return families;
}

}  // namespace strake::cli
