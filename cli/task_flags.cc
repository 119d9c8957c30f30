#include "cli/task_flags.h"

#include <unistd.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <utility>

#include "cli/fetch_text.h"
#include "cli/value_flags.h"
#include "oci/platform.h"
#include "tasks/file/values.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

// What ACR gives the address of an alias file.
constexpr std::chrono::milliseconds kAliasTimeout{2000};

// "20260102-030405z", in UTC.
std::string RunDate() {
  std::time_t now = std::time(nullptr);
  std::tm parts = {};
  ::gmtime_r(&now, &parts);
  char text[32];
  size_t length = std::strftime(text, sizeof text, "%Y%m%d-%H%M%Sz", &parts);
  return std::string(text, length);
}

Result<std::string> TextOf(const std::string& file) {
  if (file != "-") return ReadFile(file, kMaxTaskFileBytes);
  FdSource source(STDIN_FILENO);
  auto text = ReadAll(source, kMaxTaskFileBytes);
  if (!text) return std::move(text).error().Wrap("standard input");
  return text;
}

// NAME=VALUE, or NAME with the value of the environment.
Result<std::vector<std::string>> Variables(
    const std::vector<std::string>& words, const Environment& environment) {
  std::vector<std::string> variables;
  for (const std::string& word : words) {
    ASSIGN_OR_RETURN(auto variable, ParseEnv(word, environment));
    if (variable) variables.push_back(variable->first + "=" + variable->second);
  }
  return variables;
}

}  // namespace

void TaskFlags::Declare(OptionSet& options) {
  options.List("--set", settings_, {"NAME=VALUE"},
               "A value for {{.Values.NAME}}");
  options.List("--set-secret", secret_settings_, {"NAME=VALUE"},
               "The same, not to be shown anywhere");
  options.Value("--values", values_file_, {"FILE", Completes::kFiles},
                "A YAML file with values, which --set goes over");
  options.Value("-r,--registry", registry_, {"HOST[:PORT]"},
                "What {{.Run.Registry}} and $Registry stand for");
  options.List("--env", env_, {"NAME[=VALUE]"},
               "An environment variable of every step that does not set it "
               "itself");
  options.Value("--working-directory", working_directory_,
                {"FOLDER", Completes::kFolders},
                "Where steps work, if the file does not say");
  options.List("--secret", secrets_, {"id=ID[,src=FILE|,env=VARIABLE]"},
               "Where the value of a secret of the file comes from");
  options.Value("--run-id", run_id_, {"ID"},
                "What {{.Run.ID}} and $ID stand for");
  options.Value("--task-name", task_name_, {"NAME"},
                "What {{.Run.TaskName}} stands for");
  options.Value("--commit", commit_, {"ID"},
                "What {{.Run.Commit}} and $Commit stand for");
  options.Value("--branch", branch_, {"NAME"},
                "What {{.Run.Branch}} and $Branch stand for");
}

Status TaskFlags::Check(const Environment& environment) const {
  RETURN_IF_ERROR(tasks::file::SetValues("{}", settings_));
  RETURN_IF_ERROR(tasks::file::SetValues("{}", secret_settings_));
  for (const std::string& secret : secrets_) {
    RETURN_IF_ERROR(ParseSecret(secret, environment));
  }
  RETURN_IF_ERROR(Variables(env_, environment));
  return {};
}

Result<std::string> TaskFlags::Values() const {
  std::string values = "{}";
  if (!values_file_.empty()) {
    ASSIGN_OR_RETURN(std::string text, TextOf(values_file_));
    ASSIGN_OR_RETURN(values, tasks::file::ReadValues(text, values_file_));
  }
  ASSIGN_OR_RETURN(values, tasks::file::SetValues(values, settings_));
  return tasks::file::SetValues(values, secret_settings_);
}

Result<std::map<std::string, std::string>> TaskFlags::Secrets(
    const Environment& environment) const {
  std::map<std::string, std::string> values;
  for (const std::string& secret : secrets_) {
    ASSIGN_OR_RETURN(SecretSpec spec, ParseSecret(secret, environment));
    ASSIGN_OR_RETURN(builder::SecretSource loaded,
                     LoadSecret(spec, environment));
    values[spec.id] = loaded.value;
  }
  return values;
}

Result<TaskRequest> TaskFlags::Load(const Environment& environment,
                                    const std::string& file,
                                    std::stop_token stop) const {
  ASSIGN_OR_RETURN(std::string text, TextOf(file));
  return Complete(environment, std::move(text),
                  file == "-" ? "standard input" : file, ".", stop);
}

Result<TaskRequest> TaskFlags::Complete(const Environment& environment,
                                        std::string text,
                                        const std::string& name,
                                        const std::string& directory,
                                        std::stop_token stop) const {
  TaskRequest request;
  auto& source = request.source;
  source.text = std::move(text);
  source.file = name;
  source.directory = directory;
  source.run.id = run_id_.empty() ? "local" : run_id_;
  source.run.registry = registry_;
  source.run.commit = commit_;
  source.run.branch = branch_;
  source.run.task_name = task_name_;
  source.run.date = RunDate();
  source.run.architecture = oci::HostPlatform().architecture;
  ASSIGN_OR_RETURN(source.values, Values());
  ASSIGN_OR_RETURN(source.env, Variables(env_, environment));
  source.working_directory = working_directory_;
  source.environment =
      [variables = environment.variables](
          const std::string& variable) -> std::optional<std::string> {
    auto found = variables.find(variable);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  ASSIGN_OR_RETURN(auto client, RegistryOptions(environment, {}));
  source.fetch = [client, stop](const std::string& url) {
    return FetchText(url, client, kAliasTimeout, stop);
  };
  ASSIGN_OR_RETURN(request.secrets.given, Secrets(environment));
  request.secrets.environment = source.environment;
  request.secrets.directory = directory;
  request.secrets.stop = stop;
  for (const std::string& setting : secret_settings_) {
    auto parts = SplitOnce(setting, '=');
    if (parts) request.secret_values.emplace_back(parts->second);
  }
  return request;
}

}  // namespace strake::cli
