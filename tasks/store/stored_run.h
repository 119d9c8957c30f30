// A run as the database knows it: waiting, at work, or over. Values; states and
// kinds have ACR's names (acr-tasks section 5.6).

#ifndef STRAKE_TASKS_STORE_STORED_RUN_H_
#define STRAKE_TASKS_STORE_STORED_RUN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/run/run_record.h"
#include "tasks/store/run_cause.h"
#include "util/result.h"

namespace strake::tasks::store {

enum class RunState {
  kQueued,
  kRunning,
  kSucceeded,
  kFailed,
  kCanceled,
  kTimeout,
  kError,  // strake or its machine failed, not the run
};
// "Queued", "Running", "Succeeded", "Failed", "Canceled", "Timeout", "Error".
std::string_view RunStateName(RunState state);
// Whatever the case; nothing for any other word.
std::optional<RunState> ParseRunState(std::string_view name);
inline bool Ended(RunState state) {
  return state != RunState::kQueued && state != RunState::kRunning;
}

struct StoredRun {
  int64_t number = 0;  // later runs have greater ones
  std::string id;      // "ca1f"
  std::string task;    // empty: of none that is registered
  RunState state = RunState::kQueued;
  std::string kind;  // "QuickBuild", "QuickRun", "AutoBuild", "AutoRun"
  RunCause cause;
  std::string platform;  // "linux/amd64"
  int64_t priority = 0;
  run::Time created;
  run::Time updated;
  std::optional<run::Time> started;  // of its first attempt
  std::optional<run::Time> finished;
  int64_t attempts = 0;  // begun
  int64_t max_attempts = 0;
  std::string worker;  // that has it, or had it last
  bool cancel_requested = false;
  bool archived = false;  // kept from pruning
  int64_t log_bytes = 0;
  std::string error;
  std::vector<run::ImageName> images;  // that it pushed
};

// ACR's run JSON, indented.
std::string FormatRun(const StoredRun& run);
std::string FormatRuns(const std::vector<StoredRun>& runs);

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_STORED_RUN_H_
