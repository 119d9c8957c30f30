// Gives steps their numbers and keeps the promise of `ProgressSink`: one call
// at a time. Safe to call from any thread; a null sink makes it silent.

#ifndef STRAKE_BUILDER_PROGRESS_REPORTER_H_
#define STRAKE_BUILDER_PROGRESS_REPORTER_H_

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "builder/progress.h"
#include "util/result.h"

namespace strake::builder {

class ProgressReporter {
 public:
  // `sink` is borrowed and may be null.
  explicit ProgressReporter(ProgressSink* sink) : sink_(sink) {}
  ProgressReporter(const ProgressReporter&) = delete;
  ProgressReporter& operator=(const ProgressReporter&) = delete;

  // Starts a step and returns its number.
  uint64_t Start(std::string_view name);
  // A step that the cache answered: started and ended in one.
  void Cached(std::string_view name);
  // Ends a step: done, cancelled (`kCancelled`) or failed.
  void End(uint64_t step, const Status& status);
  void Log(uint64_t step, int stream, std::string_view text);
  void Transfer(uint64_t step, const ProgressEvent::Transfer& transfer);
  void Warning(std::string_view text);
  // Tells of a part of the work that ends now.
  void Phase(ProgressEvent::Phase phase);

 private:
  void Send(ProgressEvent event);
  uint64_t SendNumbered(ProgressEvent event);
  void Deliver(ProgressEvent& event);  // REQUIRES: mutex_ is held

  ProgressSink* sink_;
  std::mutex mutex_;
  uint64_t last_step_ = 0;
};

// A step as a scope: ends as `End` says, or as done when it is left.
class ProgressStep {
 public:
  ProgressStep(ProgressReporter& reporter, std::string_view name)
      : reporter_(reporter), step_(reporter.Start(name)) {}
  ProgressStep(const ProgressStep&) = delete;
  ProgressStep& operator=(const ProgressStep&) = delete;
  ~ProgressStep() { End({}); }

  uint64_t id() const { return step_; }
  void End(const Status& status) {
    if (!ended_) reporter_.End(step_, status);
    ended_ = true;
  }
  // Ends the step with the outcome of `result`, which it returns.
  template <typename T>
  Result<T> EndWith(Result<T> result) {
    End(result ? Status() : Status(result.error()));
    return result;
  }

 private:
  ProgressReporter& reporter_;
  uint64_t step_;
  bool ended_ = false;
};

// A part of the work as a scope: told of when it is left, however.
class ProgressPhase {
 public:
  // `reporter` is borrowed.
  ProgressPhase(ProgressReporter& reporter, std::string_view name,
                std::string_view subject)
      : reporter_(reporter),
        phase_{std::string(name), std::string(subject),
               std::chrono::system_clock::now()} {}
  ProgressPhase(const ProgressPhase&) = delete;
  ProgressPhase& operator=(const ProgressPhase&) = delete;
  ~ProgressPhase() { reporter_.Phase(std::move(phase_)); }

 private:
  ProgressReporter& reporter_;
  ProgressEvent::Phase phase_;
};

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_PROGRESS_REPORTER_H_
