// Remembers what the end of a build needs to tell: the last lines of a step
// that failed, and which warnings were shown already.

#ifndef STRAKE_CLI_EVENT_RECORDER_H_
#define STRAKE_CLI_EVENT_RECORDER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>

#include "builder/progress.h"
#include "cli/log_lines.h"

namespace strake::cli {

class EventRecorder final : public builder::ProgressSink {
 public:
  // Passes every event on to `next` (borrowed).
  explicit EventRecorder(builder::ProgressSink& next) : next_(next) {}
  void OnEvent(const builder::ProgressEvent& event) override;

  // The failed step and its last lines in a frame, or "" where no step failed
  // or it said nothing.
  const std::string& failure() const { return failure_; }
  bool WarningWasShown(const std::string& text) const {
    return warnings_.contains(text);
  }

 private:
  struct Step {
    std::string name;
    LogLines log;
    std::deque<std::string> tail;
  };

  builder::ProgressSink& next_;
  std::map<uint64_t, Step> steps_;  // those that run
  std::string failure_;
  std::set<std::string> warnings_;
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_EVENT_RECORDER_H_
