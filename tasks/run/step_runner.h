// One step of a run: delays, attempts and time-outs around what it does
// (acr-tasks 1.4).

#ifndef STRAKE_TASKS_RUN_STEP_RUNNER_H_
#define STRAKE_TASKS_RUN_STEP_RUNNER_H_

#include <cstddef>
#include <stop_token>

#include "tasks/run/run_record.h"
#include "tasks/run/run_space.h"
#include "util/result.h"

namespace strake::tasks::run {

// Carries out step `index` and fills in `record`: attempts, exit code, images,
// digests, outputs. An error is why it failed, `ignoreErrors` not considered:
// "exit status 3", "timed out", `kCancelled`.
Status RunStep(RunSpace& space, size_t index, StepRecord& record,
               std::stop_token stop);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_STEP_RUNNER_H_
