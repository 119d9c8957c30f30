// The options of all commands that read a task file, from words to a
// `TaskSource`.

#ifndef STRAKE_CLI_TASK_FLAGS_H_
#define STRAKE_CLI_TASK_FLAGS_H_

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "cli/environment.h"
#include "cli/option_set.h"
#include "tasks/file/secret_value.h"
#include "tasks/file/task_file.h"
#include "util/result.h"

namespace strake::cli {

// A task file is not larger; a mistake in its name may be.
inline constexpr size_t kMaxTaskFileBytes = size_t{4} << 20;

struct TaskRequest {
  // `secret` is null: whoever runs the task sets it with `secrets`.
  tasks::file::TaskSource source;
  tasks::file::SecretSources secrets;
  // What --set-secret gave: for masking.
  std::vector<std::string> secret_values;
};

class TaskFlags {
 public:
  void Declare(OptionSet& options);

  // Errors of usage: what can be seen without reading a file.
  Status Check(const Environment& environment) const;

  // With the text of `file`, "-" for standard input, and of all files that the
  // options name.
  //   stop  ends the fetching of aliases and the programs of secrets
  Result<TaskRequest> Load(const Environment& environment,
                           const std::string& file, std::stop_token stop) const;
  // The same with a text that is there already.
  //   name       of the file in errors
  //   directory  of relative files that the text names
  Result<TaskRequest> Complete(const Environment& environment, std::string text,
                               const std::string& name,
                               const std::string& directory,
                               std::stop_token stop) const;

  const std::string& working_directory() const { return working_directory_; }
  const std::string& registry() const { return registry_; }
  const std::string& run_id() const { return run_id_; }
  const std::string& task_name() const { return task_name_; }

 private:
  Result<std::string> Values() const;
  Result<std::map<std::string, std::string>> Secrets(
      const Environment& environment) const;

  std::vector<std::string> settings_;
  std::vector<std::string> secret_settings_;
  std::string values_file_;
  std::string registry_;
  std::vector<std::string> env_;
  std::string working_directory_;
  std::vector<std::string> secrets_;
  std::string run_id_;
  std::string task_name_;
  std::string commit_;
  std::string branch_;
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_TASK_FLAGS_H_
