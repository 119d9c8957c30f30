// A task file's text to a `Task`: comment lines, aliases, templates, YAML,
// rules, defaults and step graph, in that order (acr-tasks 1.1).

#ifndef STRAKE_TASKS_FILE_TASK_FILE_H_
#define STRAKE_TASKS_FILE_TASK_FILE_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/file/task.h"
#include "util/result.h"

namespace strake::tasks::file {

// `.Run` of a template (acr-tasks 1.10).
struct RunFacts {
  std::string id;
  std::string commit;
  std::string repository;
  std::string branch;
  std::string git_tag;
  std::string triggered_by;
  std::string registry;  // "host[:port]"; its name is what is before the "."
  std::string date;      // "20260102-030405z"
  std::string shared_volume;
  std::string os = "linux";
  std::string os_version;
  std::string architecture = "amd64";
  std::string task_name;
};

struct TaskSource {
  std::string text;
  std::string file;  // its name in errors
  RunFacts run;
  std::string values = "{}";  // `.Values`: a JSON object (values.h)
  // There are aliases whatever the version says: `az acr run FILE /dev/null`
  // writes `version: v1.1.0` above the file.
  bool aliases = false;
  // Where relative alias files are.
  std::string directory = ".";
  // Task-level entries of `--env`, below those of the file.
  std::vector<std::string> env;
  // Where the file says none.
  std::string working_directory;
  // The text at an http(s) address of an alias file; null: such addresses are
  // an error ("not fetched while ...").
  std::function<Result<std::string>(const std::string& url)> fetch;
  // The value of a secret; null: every secret is the empty text, as where a
  // file is only checked.
  std::function<Result<std::string>(const Secret&)> secret;
  // What `env` in a template sees; null: nothing.
  std::function<std::optional<std::string>(const std::string&)> environment;
};

struct TaskText {
  std::string text;  // after aliases and templates
  // For each of its lines, the line of the file it came from.
  std::vector<int> source_lines;
  // Every secret's value by its id, for masking.
  std::map<std::string, std::string> secrets;
};

// The file after comments, aliases and templates: what `task render` shows.
Result<TaskText> RenderTaskFile(const TaskSource& source);

struct ReadTask {
  Task task;
  std::map<std::string, std::string> secrets;  // values by id
};
// Reads and checks all of it. `kInvalidArgument`: the first error, in the order
// and with the text of acr-tasks section 2, after "FILE:LINE:COLUMN: ".
Result<ReadTask> ReadTaskFile(const TaskSource& source);

// What is rendered when a step starts (strake/v1): `.Steps` and `.Matrix`
// beside the rest.
//   secrets  those of `ReadTask`
//   steps    a JSON object: {"id": {"Outputs": {"key": "value"}, "ExitCode": 0,
//            "Status": "successful"}}
Result<std::string> RenderLate(
    const TaskSource& source, const std::map<std::string, std::string>& secrets,
    const Step& step, const std::string& text, const std::string& steps);

// One step `cmd`, as `--cmd` has it.
//   timeout_seconds  0: none was given
std::string TaskTextOfCommand(std::string_view command, int timeout_seconds);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_TASK_FILE_H_
