// What a build spent its time on, from its events.

#ifndef STRAKE_CLI_BUILD_TIMINGS_H_
#define STRAKE_CLI_BUILD_TIMINGS_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/progress.h"

namespace strake::cli {

// Something that took from one time to another.
struct TimeSpan {
  enum class Kind {
    kStep,      // `name` as in the log; `detail`: "done", "cached", "failed"
    kPhase,     // "execute"; `detail`: the step that it was done for
    kTransfer,  // what moved; `detail`: bytes
  };
  using Time = std::chrono::system_clock::time_point;
  Kind kind = Kind::kStep;
  std::string name;
  std::string detail;
  Time began;
  Time ended;
};

class BuildTimings final : public builder::ProgressSink {
 public:
  // Passes every event on to `next` (borrowed).
  explicit BuildTimings(builder::ProgressSink& next) : next_(next) {}
  void OnEvent(const builder::ProgressEvent& event) override;

  // What has ended, in the order of the ends; after the build.
  const std::vector<TimeSpan>& spans() const { return spans_; }
  std::chrono::duration<double> total() const;
  // Seconds by phase, of all threads together: they may add up to more than
  // the total.
  std::map<std::string, double> PhaseSeconds() const;
  // "time: 4.3s (execute 3.1s, layer 0.8s)", the longest first; what took less
  // than a twentieth of a second is not told, and nothing at all where that is
  // everything.
  std::string Summary() const;

 private:
  using Time = TimeSpan::Time;
  struct Open {
    std::string name;
    Time began;
    std::map<std::string, Time> transfers;
  };
  void AddTransfer(const builder::ProgressEvent& event);
  void EndStep(const builder::ProgressEvent& event, std::string how);

  builder::ProgressSink& next_;
  const Time began_ = std::chrono::system_clock::now();
  Time last_ = began_;
  std::map<uint64_t, Open> open_;
  std::vector<TimeSpan> spans_;
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_BUILD_TIMINGS_H_
