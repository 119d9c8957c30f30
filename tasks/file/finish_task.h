// A task file's properties to a task: every rule checked (acr-tasks section
// 2), every default filled in, and the step graph.

#ifndef STRAKE_TASKS_FILE_FINISH_TASK_H_
#define STRAKE_TASKS_FILE_FINISH_TASK_H_

#include <string>
#include <vector>

#include "tasks/file/decode_task.h"
#include "tasks/file/problems.h"
#include "tasks/file/task.h"

namespace strake::tasks::file {

// What a run gives to every file.
struct TaskDefaults {
  std::vector<std::string> env;  // below that of the file
  std::string working_directory;
  std::string os = "linux";
};

// Records what is wrong with `raw` in the order in which errors have
// precedence. The task is of use only where no error was found.
Task FinishTask(RawTask raw, const TaskDefaults& defaults, Problems& problems);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_FINISH_TASK_H_
