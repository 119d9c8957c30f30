// All that is wrong with a task file, not the first error only.

#ifndef STRAKE_TASKS_FILE_LINT_H_
#define STRAKE_TASKS_FILE_LINT_H_

#include <vector>

#include "tasks/file/problems.h"
#include "tasks/file/task_file.h"

namespace strake::tasks::file {

// Errors and warnings in the order in which errors have precedence: the first
// error is that of `ReadTaskFile`. Where one is in the way of reading on, it is
// the last.
std::vector<Problem> LintTaskFile(const TaskSource& source);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_LINT_H_
