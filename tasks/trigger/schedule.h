// `--schedule "[name:]cron"`: the timers of a task.

#ifndef STRAKE_TASKS_TRIGGER_SCHEDULE_H_
#define STRAKE_TASKS_TRIGGER_SCHEDULE_H_

#include <string>
#include <string_view>
#include <vector>

#include "tasks/trigger/cron.h"
#include "util/result.h"

namespace strake::tasks::trigger {

struct Schedule {
  std::string name;
  Cron cron;
};

// `texts` in the order of the flags. One without a name is called t1, t2, ...
// by its place among all, counted from 1.
// `kInvalidArgument`: a wrong name or schedule, two of the same name, two that
// mean the same times.
Result<std::vector<Schedule>> ParseSchedules(
    const std::vector<std::string>& texts);

// Letters, digits, "-", "_" and ".", 1 to 64 of them.
Status CheckTimerName(std::string_view name);

}  // namespace strake::tasks::trigger

#endif  // STRAKE_TASKS_TRIGGER_SCHEDULE_H_
