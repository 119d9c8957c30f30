// `when:` to edges between steps (acr-tasks 1.5). Pure.

#ifndef STRAKE_TASKS_FILE_STEP_GRAPH_H_
#define STRAKE_TASKS_FILE_STEP_GRAPH_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "util/result.h"

namespace strake::tasks::file {

struct NamedStep {
  std::string id;
  std::vector<std::string> when;  // as written; empty: absent
};

// For each step, the indices of those that have to end before it, each once and
// ascending. Steps are looked at in their order, and the first error wins:
// "X already exists as a vertex", "D does not exist as a vertex [from: D, to:
// X]", "from cannot be empty", "acb_root is a reserved ID, it can't be used".
//   failed  where not null: gets the index of the step in error
Result<std::vector<std::vector<size_t>>> MakeStepGraph(
    std::span<const NamedStep> steps, size_t* failed = nullptr);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_STEP_GRAPH_H_
