// How a task's run is shown: as a live graph on a terminal, or as the lines of
// its log.

#ifndef STRAKE_CLI_TASK_DISPLAY_H_
#define STRAKE_CLI_TASK_DISPLAY_H_

#include <memory>
#include <string_view>

#include "cli/environment.h"
#include "tasks/run/run_log.h"
#include "util/result.h"

namespace strake::cli {

class TaskDisplay : public tasks::run::RunSink {
 public:
  // Once the run has ended: `kIo` where some of its output could not be
  // written (a full disk; that nobody reads any more is no error).
  virtual Status Finish() = 0;
};

// `--progress`: "auto" and "" are the graph where standard output and standard
// error are a terminal, else lines; "quiet" shows only what steps write to
// standard output. `kInvalidArgument`, `kUnsupported` ("rawjson").
// A display's destructor leaves its last state.
Result<std::unique_ptr<TaskDisplay>> MakeTaskDisplay(
    std::string_view progress, const Environment& environment);

}  // namespace strake::cli

#endif  // STRAKE_CLI_TASK_DISPLAY_H_
