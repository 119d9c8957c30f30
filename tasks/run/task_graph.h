// The steps of a run, each as soon as those before it have ended (acr-tasks
// 1.5, 3).

#ifndef STRAKE_TASKS_RUN_TASK_GRAPH_H_
#define STRAKE_TASKS_RUN_TASK_GRAPH_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "util/result.h"

namespace strake::tasks::run {

struct StepFailure {
  size_t step = 0;
  Error error;
};

// Calls `run` for every step, in a thread of its own and at most once, when all
// of `after[step]` have returned successfully; as many at once as there are
// ready, as steps may wait for each other. The first failure requests a stop of
// the rest, which are waited for, and is returned; nothing where all succeeded.
// Where `stop` is requested, what runs is stopped and the rest is not begun.
//   after  for each step, the indices of earlier ones
std::optional<StepFailure> RunGraph(
    const std::vector<std::vector<size_t>>& after,
    const std::function<Status(size_t step, std::stop_token stop)>& run,
    std::stop_token stop);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_TASK_GRAPH_H_
