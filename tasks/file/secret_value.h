// Where the value of a task's secret comes from on a machine without a vault.

#ifndef STRAKE_TASKS_FILE_SECRET_VALUE_H_
#define STRAKE_TASKS_FILE_SECRET_VALUE_H_

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "tasks/file/task.h"
#include "util/result.h"

namespace strake::tasks::file {

struct SecretSources {
  // Values by id, which come before all that the file says.
  std::map<std::string, std::string> given;
  // A variable of strake's own; null: none is set.
  std::function<std::optional<std::string>(const std::string&)> environment;
  std::string directory = ".";  // of relative files, and where programs start
  std::stop_token stop;
};

// The value: one that is given, else what the environment variable, the file
// (byte for byte) or the program (its standard output, less one line's end; two
// minutes at most) of `secret` has. Errors name the secret and say what gives
// it a value; none holds one.
Result<std::string> SecretValue(const Secret& secret,
                                const SecretSources& sources);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_SECRET_VALUE_H_
