#include "cli/task_display.h"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <utility>

#include "cli/live_display.h"
#include "cli/progress_mode.h"
#include "cli/task_view.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

using tasks::run::RunRecord;
using tasks::run::StepRecord;

// strake's lines and the output of steps as they come: the former, and what
// steps write to standard error, on standard error.
class PlainRun final : public TaskDisplay {
 public:
  explicit PlainRun(bool quiet) : quiet_(quiet) {}
  void OnLine(std::string_view line) override {
    if (!quiet_) Write(STDERR_FILENO, line);
  }
  void OnOutput(size_t, int stream, std::string_view text) override {
    if (stream == 1) {
      Write(STDOUT_FILENO, text);
    } else if (!quiet_) {
      Write(STDERR_FILENO, text);
    }
  }
  Status Finish() override { return std::move(lost_); }

 private:
  // A reader that is gone is no reason to stop, nor to tell.
  void Write(int fd, std::string_view text) {
    Status written = WriteFully(fd, std::as_bytes(std::span(text)));
    if (written || errno == EPIPE || !lost_) return;
    lost_ = std::move(written).error().Wrap(
        fd == STDOUT_FILENO ? "standard output" : "standard error");
  }

  bool quiet_;
  Status lost_;
};

class LiveRun final : public TaskDisplay {
 public:
  explicit LiveRun(bool color)
      : display_(view_, {.fd = STDERR_FILENO, .color = color}) {}
  void OnPlan(const RunRecord& record) override {
    display_.Update([&] { view_.Begin(record); });
  }
  // All that they tell, the graph shows.
  void OnLine(std::string_view) override {}
  void OnOutput(size_t step, int stream, std::string_view text) override {
    display_.Update([&] { view_.AddOutput(step, stream, text); });
  }
  void OnStep(size_t step, const StepRecord& record) override {
    display_.Update([&] { view_.SetStep(step, record); });
  }
  Status Finish() override { return {}; }

 private:
  TaskView view_;
  LiveDisplay display_;  // looks at `view_`
};

}  // namespace

Result<std::unique_ptr<TaskDisplay>> MakeTaskDisplay(
    std::string_view progress, const Environment& environment) {
  ASSIGN_OR_RETURN(ProgressMode mode, ChooseProgress(progress, environment));
  const bool automatic = progress.empty() || progress == "auto";
  if (automatic && mode == ProgressMode::kTty &&
      !environment.stdout_is_terminal) {
    mode = ProgressMode::kPlain;
  }
  std::unique_ptr<TaskDisplay> sink;
  switch (mode) {
    case ProgressMode::kTty:
      sink = std::make_unique<LiveRun>(!environment.Get("NO_COLOR"));
      return sink;
    case ProgressMode::kRawJson:
      return Unsupported(
          "--progress rawjson: a run is told of as lines; its record in JSON "
          "is the run.json in its folder");
    case ProgressMode::kPlain:
    case ProgressMode::kQuiet:
      break;
  }
  sink = std::make_unique<PlainRun>(mode == ProgressMode::kQuiet);
  return sink;
}

}  // namespace strake::cli
