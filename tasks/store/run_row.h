// A row of the table `runs` as a `StoredRun`.

#ifndef STRAKE_TASKS_STORE_RUN_ROW_H_
#define STRAKE_TASKS_STORE_RUN_ROW_H_

#include <cstddef>
#include <string_view>

#include "tasks/store/connection.h"
#include "tasks/store/stored_run.h"

namespace strake::tasks::store {

// What to select for `RunOf`. `request` and `record`, which may be long, are
// not among it, nor are the images.
inline constexpr std::string_view kRunColumns =
    "runs.number, runs.id, runs.task, runs.status, runs.kind, runs.cause, "
    "runs.platform, runs.priority, runs.created, runs.updated, runs.started, "
    "runs.finished, runs.attempts, runs.max_attempts, runs.worker, "
    "runs.cancel_requested, runs.archived, runs.log_bytes, runs.error";
inline constexpr size_t kRunColumnCount = 19;

// `kCorrupt` where the row is none of ours.
Result<StoredRun> RunOf(const Row& row);

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_RUN_ROW_H_
