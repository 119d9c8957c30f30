#include "tasks/store/run_row.h"

#include "tasks/store/time.h"
#include "util/result_macros.h"

namespace strake::tasks::store {

Result<StoredRun> RunOf(const Row& row) {
  StoredRun run;
  size_t next = 0;
  auto text = [&] { return row.at(next++).text(); };
  auto number = [&] { return row.at(next++).number(); };
  run.number = number();
  run.id = text();
  run.task = text();
  const std::string status = text();
  run.kind = text();
  const std::string cause = text();
  run.platform = text();
  run.priority = number();
  run.created = FromMillis(number());
  run.updated = FromMillis(number());
  run.started = OptionalTime(number());
  run.finished = OptionalTime(number());
  run.attempts = number();
  run.max_attempts = number();
  run.worker = text();
  run.cancel_requested = number() != 0;
  run.archived = number() != 0;
  run.log_bytes = number();
  run.error = text();
  auto state = ParseRunState(status);
  if (!state) {
    return Corrupt("run " + run.id +
                   ": the database has the unknown status \"" + status + "\"");
  }
  run.state = *state;
  auto parsed = ParseCause(cause);
  if (!parsed)
    return Corrupt("run " + run.id + ": " + parsed.error().message());
  run.cause = *std::move(parsed);
  return run;
}

}  // namespace strake::tasks::store
