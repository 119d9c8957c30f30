// What a run was started by. Values, with the names of ACR's run record
// (acr-tasks sections 5.2 to 5.4).

#ifndef STRAKE_TASKS_STORE_RUN_CAUSE_H_
#define STRAKE_TASKS_STORE_RUN_CAUSE_H_

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tasks/run/run_record.h"
#include "util/result.h"

namespace strake::tasks::store {

// Somebody asked for it.
struct ManualCause {};

// `sourceTrigger`
struct SourceCause {
  std::string id;
  std::string event;  // "commit", "pullrequest"
  std::string commit;
  std::string pull_request;
  std::string repository_url;
  std::string branch;
  std::string provider;  // "Github", "Gitlab", ...
};

// `imageUpdateTrigger`
struct ImageCause {
  std::string id;
  run::Time time;
  std::vector<run::ImageName> images;  // with the digests that are new
};

// `timerTrigger`
struct TimerCause {
  std::string timer;
  run::Time occurrence;
};

using RunCause = std::variant<ManualCause, SourceCause, ImageCause, TimerCause>;

// "Manual", "Commit", "Pull Request", "Image Update", "Timer": the column
// TRIGGER of ACR's tables.
std::string_view CauseName(const RunCause& cause);

// Compact JSON: {"sourceTrigger": ...}, {"imageUpdateTrigger": ...},
// {"timerTrigger": ...} or {}.
std::string FormatCause(const RunCause& cause);
Result<RunCause> ParseCause(std::string_view json);

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_RUN_CAUSE_H_
