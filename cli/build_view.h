// What the live view of a build shows, as lines; no terminal in it.
//
// Steps that have ended become lines once and for all, in the order of their
// end, and scroll up. Below them is a block of what goes on: a title with the
// time and the count of steps, each running step, its last lines of output and
// its transfers.

#ifndef STRAKE_CLI_BUILD_VIEW_H_
#define STRAKE_CLI_BUILD_VIEW_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "builder/progress.h"
#include "cli/live_display.h"
#include "cli/log_lines.h"

namespace strake::cli {

// Not thread-safe.
class BuildView final : public LiveView {
 public:
  BuildView(std::string verb, Time started)
      : verb_(std::move(verb)), started_(started) {}

  void Add(const builder::ProgressEvent& event);

  // The steps that ended, and warnings that came, since the last call.
  std::vector<ViewLine> TakeFinished(size_t columns) override;
  // What goes on at `now`, at most `rows` lines: the title first.
  std::vector<ViewLine> Live(Time now, size_t columns,
                             size_t rows) const override;
  // The title when all is over: "FINISHED", or "ERROR" if a step failed.
  std::vector<ViewLine> Closing(Time now, size_t columns) const override;

  bool idle() const override { return running_.empty(); }

 private:
  // An unfinished transfer, and how it has fared.
  struct Moving {
    builder::ProgressEvent::Transfer now;
    Time started;
    uint64_t bytes_at_start = 0;  // what the first report had already
    Time updated;
  };
  struct Step {
    std::string name;
    Time started;
    LogLines log;
    std::deque<std::string> tail;
    std::vector<Moving> transfers;
  };
  struct Finished {
    std::string text;
    std::chrono::system_clock::duration elapsed{0};
    bool has_time = true;
    ViewLine::Kind kind = ViewLine::Kind::kDone;
  };

  void Count(const std::string& name);
  void AddTransfer(const builder::ProgressEvent& event, Step& step);
  static std::string TransferText(const Moving& transfer, size_t columns);
  std::string Title(Time now, size_t total) const;
  size_t ExpectedSteps() const;

  std::string verb_;
  Time started_;
  std::map<uint64_t, Step> running_;
  std::vector<Finished> finished_;  // not taken yet
  size_t steps_seen_ = 0;
  size_t steps_ended_ = 0;
  bool failed_ = false;
  // "[builder 2/5] ..." announces five steps of a stage: seen and announced.
  struct StageCount {
    size_t seen = 0;
    size_t total = 0;
  };
  std::map<std::string, StageCount, std::less<>> stages_;
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_BUILD_VIEW_H_
