// The rules of what steps refer to: secrets, volumes and the names of mounts
// (acr-tasks section 2). Each records what is wrong, in the order of the file.

#ifndef STRAKE_TASKS_FILE_CHECK_DECLARATIONS_H_
#define STRAKE_TASKS_FILE_CHECK_DECLARATIONS_H_

#include <vector>

#include "tasks/file/decode_task.h"
#include "tasks/file/problems.h"
#include "tasks/file/task.h"

namespace strake::tasks::file {

void CheckSecrets(const std::vector<Secret>& secrets, bool is_strake,
                  Problems& problems);
void CheckVolumes(const RawTask& raw, Problems& problems);
void CheckMountNames(const RawTask& raw, Problems& problems);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_CHECK_DECLARATIONS_H_
