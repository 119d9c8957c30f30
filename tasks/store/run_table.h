// Runs to look at, and what becomes of old ones. Thread-safe; borrows what it
// stands on.

#ifndef STRAKE_TASKS_STORE_RUN_TABLE_H_
#define STRAKE_TASKS_STORE_RUN_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tasks/run/run_record.h"
#include "tasks/store/database.h"
#include "tasks/store/stored_run.h"
#include "util/result.h"

namespace strake::tasks::store {

// Which runs; what is empty says nothing.
struct RunFilter {
  std::string task = {};
  std::optional<RunState> state = {};
  // That pushed this image: those of its fields that are not empty count, of
  // which `repository` or `digest` is one.
  std::optional<run::ImageName> image = {};
  int64_t before = 0;  // numbers less than this: the last of the page before
  size_t limit = 15;
};

class RunTable {
 public:
  explicit RunTable(Database& database) : database_(database) {}

  // Errors: `kNotFound`.
  Result<StoredRun> Get(const std::string& run_id);
  // Its `run.json`; empty until it has ended.
  Result<std::string> Record(const std::string& run_id);
  // Newest first.
  Result<std::vector<StoredRun>> List(const RunFilter& filter = {});
  // Archived runs are kept from pruning. `kNotFound`.
  Status SetArchived(const std::string& run_id, bool archived);

  // Each takes one small batch, that nobody has to wait for long, and returns
  // how many it took; call again, with a pause, until that is less than
  // `batch`. Runs that have not ended are never touched.
  //
  // Runs that ended before `before`, with their logs.
  Result<size_t> PruneRuns(run::Time before, size_t batch = 200);
  // Only the logs of such runs.
  Result<size_t> PruneLogs(run::Time before, size_t batch = 50);
  // Logs of the runs that ended first, while all take more than `keep_bytes`.
  Result<size_t> PruneLogsBeyond(int64_t keep_bytes, size_t batch = 50);
  // What was noted of events before `before`: from then on they would lead to
  // another run.
  Result<size_t> PruneEvents(run::Time before, size_t batch = 500);

 private:
  Database& database_;
};

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_RUN_TABLE_H_
