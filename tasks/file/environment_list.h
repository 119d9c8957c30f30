// Environment variables of a step beside those of its task (acr-tasks 1.3).
// Pure.

#ifndef STRAKE_TASKS_FILE_ENVIRONMENT_LIST_H_
#define STRAKE_TASKS_FILE_ENVIRONMENT_LIST_H_

#include <string>
#include <vector>

#include "util/result.h"

namespace strake::tasks::file {

// The entries of the step in their order, then each of the task whose name
// the step does not have.
//   step  "NAME=value", or "NAME" where the task has none
//   task  each may be several, "A=1,B=2"
// Errors: "cannot parse step environment variable E correctly", or task.
Result<std::vector<std::string>> MergeEnvironment(
    const std::vector<std::string>& step, const std::vector<std::string>& task);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_ENVIRONMENT_LIST_H_
