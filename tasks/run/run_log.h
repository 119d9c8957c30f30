// The log of a run: strake's own lines ("2026/01/02 03:04:05 Executing step
// ID: ...") between the raw output of the steps, as ACR prints it, without any
// secret in it; and each step's output in a file of its own.

#ifndef STRAKE_TASKS_RUN_RUN_LOG_H_
#define STRAKE_TASKS_RUN_RUN_LOG_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/run/masker.h"
#include "tasks/run/run_record.h"
#include "util/guarded.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::tasks::run {

// Who shows a run. One call at a time, from any thread; must not block for
// long, and must not call back.
class RunSink {
 public:
  virtual ~RunSink() = default;
  // Before anything else: the steps, in the order of the file.
  virtual void OnPlan(const RunRecord& record) { (void)record; }
  // One line of strake's, with its time and a line end.
  virtual void OnLine(std::string_view line) = 0;
  // Output of a step as it comes.
  //   stream  1 or 2
  virtual void OnOutput(size_t step, int stream, std::string_view text) = 0;
  // A step has begun, or ended.
  virtual void OnStep(size_t step, const StepRecord& record) {
    (void)step;
    (void)record;
  }
};

// Thread-safe.
class RunLog {
 public:
  //   folder  where `run.log` and the steps' logs are written
  //   sink    borrowed; null: nobody looks
  static Result<std::unique_ptr<RunLog>> Open(const std::string& folder,
                                              const RunRecord& record,
                                              const Secrets& secrets,
                                              RunSink* sink);

  void Line(std::string_view text);
  // A line as it is, without a time.
  void Plain(std::string_view text);
  void Output(size_t step, int stream, std::string_view text);
  // The output so far ends here: shows what was kept back.
  void EndOutput(size_t step);
  void Step(size_t step, const StepRecord& record);

  const Secrets& secrets() const { return secrets_; }
  std::string Mask(std::string_view text) const { return secrets_.Mask(text); }
  // The path of a step's log.
  std::string StepPath(size_t step) const;
  // Its name in the folder of the run: "logs/03-build.log".
  static std::string StepName(size_t step, std::string_view id);

 private:
  struct Stream {
    explicit Stream(const Secrets& secrets)
        : masked{MaskingStream(secrets), MaskingStream(secrets)} {}
    MaskingStream masked[2];
    UniqueFd file;
  };
  struct State {
    UniqueFd file;
    std::vector<std::unique_ptr<Stream>> streams;
  };
  RunLog(std::string folder, const Secrets& secrets, RunSink* sink)
      : folder_(std::move(folder)), secrets_(secrets), sink_(sink) {}
  void Show(State& state, size_t step, int stream, const std::string& text);

  std::string folder_;
  const Secrets& secrets_;
  RunSink* sink_;
  std::vector<std::string> names_;  // of the steps' logs
  // Held while the sink is called: lines come one at a time, in one order.
  Guarded<State> state_;
};

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_RUN_LOG_H_
