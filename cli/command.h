// What a command of the program is, and the table of them.

#ifndef STRAKE_CLI_COMMAND_H_
#define STRAKE_CLI_COMMAND_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/environment.h"
#include "cli/interrupt.h"
#include "cli/option_set.h"
#include "util/result.h"

namespace strake::cli {

// Exit statuses. A command that ended by a signal gives 128 + its number.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// What a running command may use. Borrowed.
struct Session {
  const Environment& environment;
  Interrupt& interrupt;
};

// One use of a command. `Declare`, then the parsing fills the options, then
// `Resolve`, `Prepare`, `Run`.
class Command {
 public:
  virtual ~Command() = default;
  virtual void Declare(OptionSet& options) = 0;
  // Reads the values given. An error here is a usage error (exit status 2);
  // only the place where the error is found makes the difference.
  virtual Status Resolve(const Environment& environment,
                         std::vector<std::string> arguments) = 0;
  // What has to be done while the process has a single thread: entering a user
  // namespace, or trying to.
  virtual void Prepare() {}
  // Does it; returns the exit status. `cancelled` errors after a signal end
  // the program with that signal's status.
  virtual Result<int> Run(Session& session) = 0;
};

struct CommandEntry {
  std::string_view name;   // "build", "registry serve"
  std::string_view group;  // heading in the overview
  std::string_view summary;
  std::string_view description;  // paragraphs for --help; may be empty
  std::string_view examples;     // lines; may be empty
  std::string_view alias;        // another name, or empty
  std::unique_ptr<Command> (*make)() = nullptr;
};

// Every command, in the order of the overview.
std::span<const CommandEntry> Commands();

// The command that the first words of `words` name, and how many words that
// took; null where there is none.
struct FoundCommand {
  const CommandEntry* entry = nullptr;
  size_t words = 0;
};
FoundCommand FindCommand(std::span<const std::string> words);

// Every word or pair of words that names a command.
std::vector<std::string> CommandNames();

// Writes to standard output; `kIo` where that is full or closed.
Status PrintOut(std::string_view text);
// Writes to standard error.
void PrintError(std::string_view text);
// The message of `error` as people see it: "error: ..." and a line's end.
std::string ErrorText(const Error& error);

// One per file `<name>_command.cc`.
std::unique_ptr<Command> MakeBakeCommand();
std::unique_ptr<Command> MakeBlobGetCommand();
std::unique_ptr<Command> MakeBlobPutCommand();
std::unique_ptr<Command> MakeBuildCommand();
std::unique_ptr<Command> MakeCacheListCommand();
std::unique_ptr<Command> MakeCachePruneCommand();
std::unique_ptr<Command> MakeCatalogCommand();
std::unique_ptr<Command> MakeCopyCommand();
std::unique_ptr<Command> MakeDeleteCommand();
std::unique_ptr<Command> MakeDoctorCommand();
std::unique_ptr<Command> MakeDuCommand();
std::unique_ptr<Command> MakeFsckCommand();
std::unique_ptr<Command> MakeLintCommand();
std::unique_ptr<Command> MakeManifestGetCommand();
std::unique_ptr<Command> MakeManifestPutCommand();
std::unique_ptr<Command> MakePackCommand();
std::unique_ptr<Command> MakeRunCommand();
std::unique_ptr<Command> MakePushCommand();
std::unique_ptr<Command> MakePullCommand();
std::unique_ptr<Command> MakeImagesCommand();
std::unique_ptr<Command> MakeTagCommand();
std::unique_ptr<Command> MakeRmiCommand();
std::unique_ptr<Command> MakeInspectCommand();
std::unique_ptr<Command> MakeIndexCreateCommand();
std::unique_ptr<Command> MakeIndexAppendCommand();
std::unique_ptr<Command> MakeLoginCommand();
std::unique_ptr<Command> MakeLogoutCommand();
std::unique_ptr<Command> MakeReferrersCommand();
std::unique_ptr<Command> MakeRegistryServeCommand();
std::unique_ptr<Command> MakeTagsCommand();
std::unique_ptr<Command> MakeTaskExecCommand();
std::unique_ptr<Command> MakeTaskGraphCommand();
std::unique_ptr<Command> MakeTaskLintCommand();
std::unique_ptr<Command> MakeTaskRenderCommand();
std::unique_ptr<Command> MakeVersionCommand();
std::unique_ptr<Command> MakeCompletionCommand();

}  // namespace strake::cli

#endif  // STRAKE_CLI_COMMAND_H_
