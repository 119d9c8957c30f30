// A task's steps, from the first to the last, and the record of that.

#ifndef STRAKE_TASKS_RUN_TASK_RUN_H_
#define STRAKE_TASKS_RUN_TASK_RUN_H_

#include <chrono>
#include <functional>
#include <map>
#include <stop_token>
#include <string>

#include "tasks/file/task.h"
#include "tasks/run/masker.h"
#include "tasks/run/run_record.h"
#include "tasks/run/run_space.h"
#include "util/result.h"

namespace strake::tasks::run {

// Renders what a string of a step left for later (strake/v1).
//   steps  what is known of earlier steps, as JSON (task_file.h)
using LateText = std::function<Result<std::string>(
    const file::Step& step, const std::string& text, const std::string& steps)>;

// A record of `task` before it begins, without any secret in it.
RunRecord PlanRecord(const file::Task& task, const Secrets& secrets);

// Runs the steps of `space.task`, fills in `record` and writes it to the run's
// folder at each change. Everything that ran is gone on return.
//   timeout  of all of it; zero: none
void RunTask(RunSpace& space, const LateText& late, RunRecord& record,
             std::chrono::seconds timeout, std::stop_token stop);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_TASK_RUN_H_
