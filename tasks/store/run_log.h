// The logs of runs. Thread-safe; borrows what it stands on.
//
// They are in the database, as chunks of the run's output, because that is the
// one thing that every worker and every server can reach already: no folder has
// to be shared, a log goes to the server as it grows, it is fenced by the lease
// that guards the run, and it is gone with the run. What that costs is the
// size of the database, so logs are pruned by age and by size (`RunTable`).

#ifndef STRAKE_TASKS_STORE_RUN_LOG_H_
#define STRAKE_TASKS_STORE_RUN_LOG_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tasks/store/database.h"
#include "tasks/store/queue.h"
#include "tasks/store/stored_run.h"
#include "util/result.h"

namespace strake::tasks::store {

struct LogPart {
  std::string text;                    // bytes as they were written
  int64_t next_offset = 0;             // where what follows `text` begins
  bool more = false;                   // there is more already
  RunState state = RunState::kQueued;  // ended and not `more`: that is all
  bool pruned = false;                 // it was removed; `text` is empty
};

class RunLog {
 public:
  explicit RunLog(Database& database) : database_(database) {}

  // Adds `text`, any bytes, to the log of the lease's run; false where the
  // lease is lost, and nothing was added.
  //   offset  where the text begins: `StoredRun::log_bytes` of the claim, then
  //           what was added since. Repeating a call whose outcome is unknown
  //           does no harm.
  // Best called with what has gathered in a second or so.
  // Errors: `kInternal` where the log does not end at `offset`.
  Result<bool> Append(const Lease& lease, int64_t offset,
                      std::string_view text);

  // From `offset` on, at most about `max_bytes`, whole chunks.
  // Errors: `kNotFound` (no such run).
  Result<LogPart> Read(const std::string& run_id, int64_t offset,
                       size_t max_bytes = size_t{1} << 20);

 private:
  Database& database_;
};

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_RUN_LOG_H_
