// `strake`: finds the command, reads its options, and runs it.

#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/environment.h"
#include "cli/help.h"
#include "cli/interrupt.h"
#include "cli/option_set.h"
#include "tasks/run/docker_socket.h"
#include "util/descriptor_limit.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::cli {
namespace {

int UsageError(std::string_view command, std::string_view message) {
  std::string name = "strake";
  if (!command.empty()) name += " " + std::string(command);
  PrintError(name + ": " + std::string(message) + "\nTry '" + name +
             " --help'.\n");
  return kExitUsage;
}

int Print(const std::string& text) {
  auto printed = PrintOut(text);
  if (printed) return kExitOk;
  PrintError("strake: " + printed.error().message() + "\n");
  return kExitFailed;
}

int UnknownCommand(const std::vector<std::string>& words) {
  const std::string& first = words[0];
  if (first.starts_with('-')) {
    return UsageError("", "unknown option " + first +
                              DidYouMean(first, {"--help", "--version"}));
  }
  // The first word may be right, as in "registry srve".
  auto names = CommandNames();
  std::vector<std::string> members;
  for (const std::string& name : names) {
    if (name.starts_with(first + " ")) members.push_back(name);
  }
  if (members.empty()) {
    return UsageError(
        "", "unknown command \"" + first + "\"" + DidYouMean(first, names));
  }
  std::string known = "; there are: " + Join(members, ", ");
  if (words.size() == 1 || words[1].starts_with('-')) {
    return UsageError("", "\"" + first + "\" is not a whole command" + known);
  }
  std::string two = first + " " + words[1];
  return UsageError(
      "", "unknown command \"" + two + "\"" + DidYouMean(two, members) + known);
}

int RunCommand(Command& command, const Environment& environment) {
  // A user namespace can be entered by a single thread only: before the one
  // that waits for signals.
  command.Prepare();
  Interrupt interrupt;
  if (auto installed = interrupt.Install(); !installed) {
    PrintError(ErrorText(installed.error()));
    return kExitFailed;
  }
  Session session{environment, interrupt};
  auto status = command.Run(session);
  if (interrupt.signal() != 0 && (!status || *status == kExitFailed)) {
    if (!status && status.error().code() != ErrorCode::kCancelled) {
      PrintError(ErrorText(status.error()));
    }
    return 128 + interrupt.signal();
  }
  if (status) return *status;
  PrintError(ErrorText(status.error()));
  return kExitFailed;
}

int Main(std::vector<std::string> words) {
  if (words.empty()) {
    PrintError(Overview());
    return kExitUsage;
  }
  if (words[0] == "--version" || words[0] == "-v") words[0] = "version";
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    if (words.size() == 1) return Print(Overview());
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  FoundCommand found = FindCommand(words);
  if (found.entry == nullptr) return UnknownCommand(words);
  const CommandEntry& entry = *found.entry;
  words.erase(words.begin(), words.begin() + static_cast<long>(found.words));

  std::unique_ptr<Command> command = entry.make();
  OptionSet options;
  command->Declare(options);
  auto parsed = options.Parse(words);
  if (!parsed) return UsageError(entry.name, parsed.error().message());
  if (parsed->help) return Print(CommandHelp(entry, options));
  Environment environment = ReadEnvironment();
  auto resolved = command->Resolve(environment, std::move(parsed->arguments));
  if (!resolved) return UsageError(entry.name, resolved.error().message());
  return RunCommand(*command, environment);
}

}  // namespace
}  // namespace strake::cli

int main(int argc, char** argv) {
  // In the scripts of a task's steps, `docker` is this program.
  if (auto status = strake::tasks::run::RunAsDocker(argc, argv)) return *status;
  strake::RaiseDescriptorLimit();
  return strake::cli::Main({argv + 1, argv + argc});
}
