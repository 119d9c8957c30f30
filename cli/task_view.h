// What the live view of a task's run shows, as lines; no terminal in it.
//
//   [+] Running ca1 12.3s (1/4)
//    ✔ build                                     8.1s
//    ● server                                    4.2s
//      │ listening on port 80
//    ● test                                      1.0s
//      │ ok 1
//    ○ publish  after test
//
// The graph is there as a whole, each step with its state; those that run have
// their last lines below them. Where that is too high, the steps that run come
// first, and the others are only counted.

#ifndef STRAKE_CLI_TASK_VIEW_H_
#define STRAKE_CLI_TASK_VIEW_H_

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "cli/live_display.h"
#include "cli/log_lines.h"
#include "tasks/run/run_record.h"

namespace strake::cli {

// Not thread-safe.
class TaskView final : public LiveView {
 public:
  // The run as it begins.
  void Begin(const tasks::run::RunRecord& record);
  void AddOutput(size_t step, int stream, std::string_view text);
  void SetStep(size_t step, const tasks::run::StepRecord& record);
  // A line that scrolls up: an error, a note.
  void AddLine(std::string_view text);

  std::vector<ViewLine> TakeFinished(size_t columns) override;
  std::vector<ViewLine> Live(Time now, size_t columns,
                             size_t rows) const override;
  // The graph, and of steps that failed their last lines.
  std::vector<ViewLine> Closing(Time now, size_t columns) const override;
  bool idle() const override;

 private:
  struct Step {
    tasks::run::StepRecord record;
    LogLines log;
    std::deque<std::string> tail;
  };

  std::string Title(Time now) const;
  ViewLine StepLine(const Step& step, Time now, size_t columns) const;
  void AddPane(const Step& step, size_t columns, size_t lines,
               std::vector<ViewLine>& out) const;

  std::string run_id_;
  Time started_;
  std::vector<Step> steps_;
  std::vector<std::string> lines_;  // not taken yet
  size_t id_width_ = 0;             // of the longest id, within reason
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_TASK_VIEW_H_
