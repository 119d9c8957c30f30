// The rules of a single step (acr-tasks section 2). Records what is wrong, in
// the order in which errors have precedence.

#ifndef STRAKE_TASKS_FILE_CHECK_STEP_H_
#define STRAKE_TASKS_FILE_CHECK_STEP_H_

#include "tasks/file/decode_task.h"
#include "tasks/file/problems.h"

namespace strake::tasks::file {

void CheckStep(const RawStep& raw, Problems& problems);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_CHECK_STEP_H_
