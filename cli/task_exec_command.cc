// `strake task exec`: runs a task file, or one command, here and now.

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/build.h"
#include "builder/context/context_url.h"
#include "cli/command.h"
#include "cli/plain_progress.h"
#include "cli/shared_options.h"
#include "cli/task_display.h"
#include "cli/task_flags.h"
#include "cli/value_flags.h"
#include "tasks/run/execute_task.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using tasks::run::RunRecord;
using tasks::run::RunStatus;

constexpr std::string_view kNoContext = "/dev/null";
constexpr int kLongestTimeout = 8 * 60 * 60;

Result<builder::RunNetwork> ParseRunNetwork(const std::string& text) {
  if (text == "auto") return builder::RunNetwork::kAuto;
  if (text == "shared") return builder::RunNetwork::kShared;
  if (text == "host") return builder::RunNetwork::kHost;
  if (text == "none") return builder::RunNetwork::kNone;
  return InvalidArgument("--network " + text +
                         ": expected auto, shared, host or none");
}

class TaskExecCommand final : public Command {
 public:
  void Declare(OptionSet& options) override;
  Status Resolve(const Environment& environment,
                 std::vector<std::string> arguments) override;
  void Prepare() override { builder::PrepareProcess(isolation_name_); }
  Result<int> Run(Session& session) override;

 private:
  Status ResolveContext(const std::string& context);
  Status ReadText();
  Result<tasks::run::ExecuteOptions> MakeOptions(Session& session);
  tasks::run::RunSettings Settings(const Environment& environment) const;

  TaskFlags flags_;
  RegistryFlags registry_flags_;
  std::string file_;
  std::optional<std::string> command_;
  std::string timeout_;
  int timeout_seconds_ = 0;
  std::string platform_;
  std::string network_ = "auto";
  std::string isolation_;
  std::string isolation_name_;
  std::string snapshotter_ = "auto";
  std::string progress_;
  tasks::run::ExecuteOptions execute_;
};

void TaskExecCommand::Declare(OptionSet& options) {
  options.SetArguments({"[CONTEXT]", 0, 1, Completes::kFiles});
  options.Value("-f,--file", file_, {"FILE", Completes::kFiles},
                "Task file, in the context or else here; \"-\": standard "
                "input (default acb.yaml)");
  options.Value("--cmd", command_, {"COMMAND"},
                "Run this instead of a file: \"IMAGE ARGUMENTS\"");
  flags_.Declare(options);
  options.Value("--timeout", timeout_, {"SECONDS"},
                "End the run after so long (default: never)");
  options.Value("--platform", platform_, {"PLATFORM"},
                "Build and run for this platform");
  options.Value(
      "--network", network_,
      {"FORM", Completes::kNothing, {"auto", "shared", "host", "none"}},
      "Network that the steps share");
  DeclareProgress(options, progress_);
  DeclareRegistry(options, registry_flags_);
  DeclareSnapshotter(options, snapshotter_);
  DeclareIsolation(options, isolation_, "each step");
}

Status TaskExecCommand::Resolve(const Environment& environment,
                                std::vector<std::string> arguments) {
  if (command_ && !file_.empty()) {
    return InvalidArgument("--cmd and --file exclude each other");
  }
  ASSIGN_OR_RETURN(isolation_name_, ParseIsolation(isolation_, environment));
  ASSIGN_OR_RETURN(execute_.settings.network, ParseRunNetwork(network_));
  if (!timeout_.empty()) {
    ASSIGN_OR_RETURN(timeout_seconds_,
                     ParseCount("--timeout", timeout_, kLongestTimeout));
    execute_.timeout = std::chrono::seconds(timeout_seconds_);
  }
  if (!platform_.empty()) {
    ASSIGN_OR_RETURN(execute_.settings.platform, ParseOnePlatform(platform_));
  }
  RETURN_IF_ERROR(ResolveContext(arguments.empty() ? "." : arguments[0]));
  return flags_.Check(environment);
}

Status TaskExecCommand::ResolveContext(const std::string& context) {
  if (EqualsIgnoreCase(context, kNoContext)) return {};
  using builder::context::ContextKind;
  execute_.context_name = context;
  execute_.context.emplace();
  switch (builder::context::KindOfContext(context)) {
    case ContextKind::kFolder:
      break;
    case ContextKind::kImage:
    case ContextKind::kLayout:
      return InvalidArgument("the context \"" + context +
                             "\" is an image, and has no task in it");
    default:
      execute_.context->remote = context;
      return {};
  }
  if (context == "-") {
    if (file_ == "-") {
      return InvalidArgument("-f - and the context - both read standard input");
    }
    execute_.context->tar_fd = STDIN_FILENO;
    return {};
  }
  std::error_code ignored;
  if (!std::filesystem::is_directory(context, ignored)) {
    return InvalidArgument(
        "the context \"" + context +
        "\" is no folder. Source location should be a local directory path or "
        "remote URL, or /dev/null for none");
  }
  execute_.context->path = context;
  return {};
}

// What is no file of the context: a command, or standard input. Aliases are on
// where there is no context, as with `az acr run ... /dev/null`.
Status TaskExecCommand::ReadText() {
  if (command_) {
    execute_.text = tasks::file::TaskTextOfCommand(*command_, timeout_seconds_);
    execute_.file = "--cmd";
    return {};
  }
  execute_.file = file_.empty() ? "acb.yaml" : file_;
  if (file_ == "-") {
    FdSource input(STDIN_FILENO);
    ASSIGN_OR_RETURN(execute_.text, ReadAll(input, kMaxTaskFileBytes));
    execute_.file = "standard input";
  }
  return {};
}

tasks::run::RunSettings TaskExecCommand::Settings(
    const Environment& environment) const {
  tasks::run::RunSettings settings = execute_.settings;
  settings.snapshotter = snapshotter_;
  settings.isolation = isolation_name_;
  settings.run_registry = flags_.registry();
  if (!flags_.task_name().empty()) settings.task_name = flags_.task_name();
  settings.environment =
      [variables = environment.variables](
          const std::string& name) -> std::optional<std::string> {
    auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  settings.git_environment = GitEnvironment(environment);
  settings.build_progress = [](std::function<void(std::string_view)> write) {
    return std::make_unique<PlainProgress>(std::move(write));
  };
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  if (!ignored) settings.program = program.string();
  return settings;
}

Result<tasks::run::ExecuteOptions> TaskExecCommand::MakeOptions(
    Session& session) {
  const Environment& environment = session.environment;
  tasks::run::ExecuteOptions options = std::move(execute_);
  options.stop = session.interrupt.token();
  options.run_id = flags_.run_id();
  ASSIGN_OR_RETURN(
      TaskRequest request,
      flags_.Complete(environment, "", options.file, ".", options.stop));
  options.source = std::move(request.source);
  options.hidden = std::move(request.secret_values);
  tasks::file::SecretSources secrets = std::move(request.secrets);
  secrets.stop = options.stop;
  options.source.secret =
      [secrets = std::move(secrets)](const tasks::file::Secret& secret) {
        return tasks::file::SecretValue(secret, secrets);
      };
  ASSIGN_OR_RETURN(options.settings.store_directory,
                   StoreDirectory(environment));
  ASSIGN_OR_RETURN(options.settings.registry,
                   RegistryOptions(environment, registry_flags_));
  return options;
}

// The line that ACR's service ends a run with.
std::string LastLine(const RunRecord& record) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
      *record.finished - record.started);
  const std::string after = " after " + std::to_string(seconds.count()) + "s";
  switch (record.status) {
    case RunStatus::kSucceeded:
      return "Run ID: " + record.id + " was successful" + after;
    case RunStatus::kCanceled:
      return "Run ID: " + record.id + " was canceled" + after;
    case RunStatus::kTimeout:
      return "Run ID: " + record.id + " timed out" + after;
    default:
      return "Run ID: " + record.id + " failed" + after +
             ". Error: " + record.error;
  }
}

Result<int> TaskExecCommand::Run(Session& session) {
  RETURN_IF_ERROR(ReadText());
  execute_.settings = Settings(session.environment);
  ASSIGN_OR_RETURN(tasks::run::ExecuteOptions options, MakeOptions(session));
  ASSIGN_OR_RETURN(auto display,
                   MakeTaskDisplay(progress_, session.environment));
  options.sink = display.get();
  ASSIGN_OR_RETURN(tasks::run::ExecutedTask run,
                   tasks::run::ExecuteTask(options));
  Status shown = display->Finish();
  display.reset();
  PrintError("\n" + LastLine(run.record) + "\n");
  RETURN_IF_ERROR(shown);
  return run.record.status == RunStatus::kSucceeded ? kExitOk : kExitFailed;
}

}  // namespace

std::unique_ptr<Command> MakeTaskExecCommand() {
  return std::make_unique<TaskExecCommand>();
}

}  // namespace strake::cli
