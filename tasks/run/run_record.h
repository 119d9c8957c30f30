// What is known of a run: its `run.json`. Values; the words for states are
// those of ACR's API (acr-tasks section 3).

#ifndef STRAKE_TASKS_RUN_RUN_RECORD_H_
#define STRAKE_TASKS_RUN_RUN_RECORD_H_

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::tasks::run {

using Time = std::chrono::system_clock::time_point;

enum class StepState {
  kSkipped,     // not begun; or its `if:` said no
  kInProgress,  //
  kSuccessful,  //
  kFailed,
};
// "skipped", "inprogress", "successful", "failed".
std::string_view StepStateName(StepState state);

enum class RunStatus {
  kRunning,
  kSucceeded,
  kFailed,
  kCanceled,
  kTimeout,
  kError,  // strake itself ended before the run did
};
// "Running", "Succeeded", "Failed", "Canceled", "Timeout", "Error".
std::string_view RunStatusName(RunStatus status);

// One image of a registry, as ACR spells it.
struct ImageName {
  std::string registry;
  std::string repository;
  std::string tag;     // may be empty
  std::string digest;  // "sha256:..."; may be empty
  std::string reference;
};

// One tag of a build step, and what it was built from.
struct ImageDependencies {
  std::optional<ImageName> image;
  ImageName runtime;
  std::vector<ImageName> buildtime;
  std::string git_revision;
};

struct StepRecord {
  std::string id;
  std::string kind;                // "cmd", "build", "push"
  std::vector<std::string> after;  // ids of the steps that it waits for
  StepState state = StepState::kSkipped;
  std::optional<Time> started;
  std::optional<Time> finished;
  int attempts = 0;
  std::optional<int> exit_code;                // of the last attempt of a cmd
  std::string error;                           // also where it was ignored
  std::vector<std::string> images;             // tags built, references pushed
  std::map<std::string, std::string> digests;  // by reference
  std::map<std::string, std::string> outputs;  // strake/v1
  std::string log;  // name of its log in the run's folder
};

struct RunRecord {
  std::string id;
  std::string task;  // "quickrun" where it is none that is registered
  std::string file;
  RunStatus status = RunStatus::kRunning;
  std::string error;
  Time started;
  std::optional<Time> finished;
  std::string context;
  std::string commit;
  std::string branch;
  std::string registry;
  std::string platform;
  std::string network;            // which form of it was in use
  std::vector<StepRecord> steps;  // in the order of the file
  std::vector<ImageDependencies> dependencies;
};

// The whole as JSON, indented.
std::string FormatRunRecord(const RunRecord& record);
// The dependencies as ACR prints them: compact, keys in its order.
std::string FormatDependencies(
    const std::vector<ImageDependencies>& dependencies);
// A stored record with the status "Running" as one with kError and `error`; for
// runs whose process is gone. Any other is returned as it is.
Result<std::string> MarkAbandoned(std::string_view json,
                                  std::string_view error);

// "2026-01-02T03:04:05.678Z".
std::string FormatTime(Time time);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_RUN_RECORD_H_
