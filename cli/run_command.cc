// `strake run`: a command in an image.

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/run.h"
#include "cli/command.h"
#include "cli/container_flags.h"
#include "cli/progress_mode.h"
#include "cli/shared_options.h"
#include "cli/value_flags.h"
#include "tasks/run/container_request.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

// As docker and podman say "the command was not started".
constexpr int kExitNotStarted = 125;

class RunCommand final : public Command {
 public:
  void Declare(OptionSet& options) override;
  Status Resolve(const Environment& environment,
                 std::vector<std::string> arguments) override;
  void Prepare() override {
    builder::PrepareProcess(run_.containers.isolation);
  }
  Result<int> Run(Session& session) override;

 private:
  Result<int> RunImage(Session& session);

  builder::RunOptions run_;
  std::optional<std::string> entrypoint_;
  std::vector<std::string> env_;
  std::vector<std::string> extra_hosts_;
  std::vector<std::string> binds_;
  std::vector<std::string> mounts_;
  std::vector<std::string> env_files_;
  std::vector<std::string> ports_;
  std::string platform_;
  RegistryFlags registry_flags_;
  std::string network_ = "default";
  std::string isolation_;
  std::string pull_ = "missing";
  bool interactive_ = true;
  bool remove_ = true;
  bool quiet_ = false;
};

void RunCommand::Declare(OptionSet& options) {
  options.SetArguments({"IMAGE [COMMAND...]", 1, OptionSet::kAnyNumber,
                        Completes::kImages, /*end_options=*/true});
  options.List("-e,--env", env_, {"NAME[=VALUE]"},
               "Set an environment variable; without VALUE to its value here");
  options.Value("-w,--workdir", run_.container.working_dir, {"FOLDER"},
                "Start in this folder of the image");
  options.Value("-u,--user", run_.container.user, {"USER[:GROUP]"},
                "Run as this user of the image");
  options.Value("--entrypoint", entrypoint_, {"PROGRAM"},
                "Instead of the image's ENTRYPOINT; \"\" for none");
  options.Value("-h,--hostname", run_.container.hostname, {"NAME"},
                "Name of the machine inside");
  options.Value(
      "--network", network_,
      {"MODE", Completes::kNothing, {"default", "host", "private", "none"}},
      "Network of the command: the host's (default), one of its own "
      "that slirp4netns or pasta connects, or none");
  options.List("-p,--publish", ports_, {"[[ADDRESS:]PORT:]PORT"},
               "Pass connections to a port of this machine (of 127.0.0.1) on "
               "to one of the command's");
  options.List("--add-host", extra_hosts_, {"NAME:IP"},
               "Add a line to /etc/hosts");
  options.List("-v,--volume", binds_, {"SOURCE:TARGET[:ro]", Completes::kFiles},
               "Show a file or folder of this machine inside");
  options.List("--mount", mounts_, {"type=TYPE,..."},
               "Mount a file or folder (type=bind,source=,target=[,readonly]) "
               "or an empty one in memory (type=tmpfs,target=[,tmpfs-size=])");
  options.List("--env-file", env_files_, {"PATH", Completes::kFiles},
               "Set the environment variables of a file's lines NAME[=VALUE]");
  options.Value("--platform", platform_, {"PLATFORM"},
                "Of an image for several, take the one for this");
  options.Flag("--privileged", run_.container.privileged,
               "Run with all capabilities, without seccomp filter");
  options.Value("--pull", pull_,
                {"WHEN", Completes::kNothing, {"missing", "always"}},
                "When to pull the image");
  DeclareRegistry(options, registry_flags_);
  DeclareSnapshotter(options, run_.containers.snapshotter);
  DeclareIsolation(options, isolation_, "the command");
  options.Flag("-i,--interactive", interactive_,
               "Pass standard input on (default; --interactive=false: none)");
  options.Flag("-q,--quiet", quiet_, "Do not show the progress of a pull");
  options.Flag("--rm", remove_,
               "Taken for docker's sake: nothing is ever left over");
  for (std::string_view names :
       {"--name", "-m,--memory", "--cap-add", "--cap-drop", "--device"}) {
    options.NotYetValue(names);
  }
  for (std::string_view names :
       {"-d,--detach", "-t,--tty", "--init", "--read-only"}) {
    options.NotYetFlag(names);
  }
}

Status RunCommand::Resolve(const Environment& environment,
                           std::vector<std::string> arguments) {
  run_.container.image = arguments[0];
  ASSIGN_OR_RETURN(run_.containers.isolation,
                   ParseIsolation(isolation_, environment));
  run_.container.args.assign(arguments.begin() + 1, arguments.end());
  if (entrypoint_) run_.container.entrypoint = {*entrypoint_};
  for (const std::string& path : env_files_) {
    ASSIGN_OR_RETURN(auto entries, ReadEnvFile(path, environment));
    run_.container.env.insert(run_.container.env.end(), entries.begin(),
                              entries.end());
  }
  for (const std::string& text : env_) {
    ASSIGN_OR_RETURN(auto pair, ParseEnv(text, environment));
    if (pair) run_.container.env.push_back(pair->first + "=" + pair->second);
  }
  for (const std::string& text : extra_hosts_) {
    ASSIGN_OR_RETURN(auto host, ParseExtraHost(text));
    run_.container.extra_hosts.push_back(std::move(host));
  }
  for (const std::string& text : binds_) {
    ASSIGN_OR_RETURN(auto bind, ParseBind(text));
    run_.container.binds.push_back(std::move(bind));
  }
  for (const std::string& text : mounts_) {
    RETURN_IF_ERROR(AddMount(text, run_.container));
  }
  for (const std::string& text : ports_) {
    ASSIGN_OR_RETURN(auto port, tasks::run::ParsePort(text));
    run_.ports.push_back(std::move(port));
  }
  if (!platform_.empty()) {
    ASSIGN_OR_RETURN(run_.container.platform, ParseOnePlatform(platform_));
  }
  if (!remove_) return Unsupported("--rm=false: containers are not kept");
  RETURN_IF_ERROR(SetNetwork(network_, run_.containers, run_.container));
  if (auto path = environment.Get("PATH")) run_.containers.path = *path;
  if (pull_ == "always") run_.container.pull = builder::PullPolicy::kAlways;
  run_.container.stdin_fd = interactive_ ? STDIN_FILENO : -1;
  run_.container.stdout_fd = STDOUT_FILENO;
  run_.container.stderr_fd = STDERR_FILENO;
  return {};
}

Result<int> RunCommand::RunImage(Session& session) {
  ASSIGN_OR_RETURN(run_.containers.store_directory,
                   StoreDirectory(session.environment));
  ASSIGN_OR_RETURN(run_.containers.registry,
                   RegistryOptions(session.environment, registry_flags_));
  run_.stop = session.interrupt.token();
  ProgressMode mode = ProgressMode::kQuiet;
  if (!quiet_) {
    ASSIGN_OR_RETURN(mode, ChooseProgress("", session.environment));
  }
  // The title goes when the pull is done: the terminal is the command's then.
  auto display = MakeProgress(mode, session.environment, {"Pulling", false});
  run_.containers.progress = display.get();
  ASSIGN_OR_RETURN(const builder::ContainerEnd end, builder::Run(run_));
  if (!end.not_executed.empty()) {
    PrintError("strake: " + end.not_executed + "\n");
  }
  return end.ShellCode();
}

Result<int> RunCommand::Run(Session& session) {
  auto status = RunImage(session);
  if (status || session.interrupt.signal() != 0) return status;
  PrintError(ErrorText(status.error()));
  return kExitNotStarted;
}

}  // namespace

std::unique_ptr<Command> MakeRunCommand() {
  return std::make_unique<RunCommand>();
}

}  // namespace strake::cli
