// Folders of `cmd` steps that the next runs find again (`cache:`, strake/v1).
//
// They are kept where the folders of RUN --mount=type=cache are, as
// "task-<digest>", one for each path: of the task's name, the cache's id, the
// content of its key files, and the path. So `strake cache ls` and `prune` know
// them, too.

#ifndef STRAKE_TASKS_RUN_STEP_CACHE_H_
#define STRAKE_TASKS_RUN_STEP_CACHE_H_

#include <string>
#include <vector>

#include "builder/containers.h"
#include "tasks/file/task.h"
#include "util/atomic_file.h"
#include "util/result.h"

namespace strake::tasks::run {

// Where a step's caches are for as long as it runs.
struct OpenedCaches {
  std::vector<builder::ContainerSpec::Bind> binds;
  std::vector<FileLock> locks;  // that keep `strake cache prune` away
};

// Finds or makes the folders of `step`'s caches.
//   workspace  whose files make the key
// Errors: `kInvalidArgument` for a pattern that is wrong, `kIo`.
Result<OpenedCaches> OpenStepCaches(const file::Step& step,
                                    const std::string& task_name,
                                    const std::string& workspace,
                                    const std::string& store_directory);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_STEP_CACHE_H_
