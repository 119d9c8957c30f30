// Runs a task file: what `strake task exec` does, for other programs too.
//
//   ExecuteOptions options;
//   options.settings.store_directory = "/var/lib/strake";
//   options.context.path = "app/";
//   options.file = "acb.yaml";
//   auto run = ExecuteTask(options);
//
// Not as root, call `builder::PrepareProcess()` first thing in `main`.

#ifndef STRAKE_TASKS_RUN_EXECUTE_TASK_H_
#define STRAKE_TASKS_RUN_EXECUTE_TASK_H_

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/build.h"
#include "tasks/file/task_file.h"
#include "tasks/run/run_log.h"
#include "tasks/run/run_record.h"
#include "tasks/run/run_space.h"
#include "util/result.h"

namespace strake::tasks::run {

struct ExecuteOptions {
  RunSettings settings;
  // What the workspace holds; none: it starts empty.
  std::optional<builder::ContextSource> context;
  std::string context_name;  // for the record: a folder, an address

  // The task file: its text, or else its path, in the context first, then from
  // where strake runs.
  std::optional<std::string> text;
  std::string file = "acb.yaml";
  // Values, environment, secrets: everything but the text and what of `run` the
  // run itself knows (id, date, shared volume; commit and branch, unless they
  // are given).
  file::TaskSource source;
  std::vector<std::string> hidden;  // values that are masked in all output

  std::string run_id;               // empty: the next one
  std::chrono::seconds timeout{0};  // of the run; zero: none
  size_t kept_runs = 100;           // whose logs stay in the store
  RunSink* sink = nullptr;          // borrowed
  std::stop_token stop;
};

struct ExecutedTask {
  RunRecord record;
  std::string folder;  // with run.json and the logs
};

// Runs the task to its end, whatever that is: a run that failed, was cancelled
// or took too long is a result, whose `record.status` says so. When this
// returns, nothing of the run is left but its folder. Errors: it could not be
// begun: the context, the file ("FILE:LINE:COLUMN: ..."), a secret, the store.
Result<ExecutedTask> ExecuteTask(const ExecuteOptions& options);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_EXECUTE_TASK_H_
