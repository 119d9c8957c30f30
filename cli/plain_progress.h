// Progress as lines, for logs: `#5 [builder 2/5] RUN make`, `#5 0.123 output`,
// `#5 DONE 1.2s`. Steps that run at once are interleaved by whole lines.

#ifndef STRAKE_CLI_PLAIN_PROGRESS_H_
#define STRAKE_CLI_PLAIN_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "builder/progress.h"
#include "cli/log_lines.h"

namespace strake::cli {

class PlainProgress final : public builder::ProgressSink {
 public:
  // Writes to `fd` (borrowed); that nobody reads it is no reason to stop.
  explicit PlainProgress(int fd);
  // Gives `write` whole lines, one call at a time.
  explicit PlainProgress(std::function<void(std::string_view)> write)
      : write_(std::move(write)) {}
  void OnEvent(const builder::ProgressEvent& event) override;

 private:
  using Time = std::chrono::system_clock::time_point;
  // A transfer: its first report, and when it was last written of.
  struct Moving {
    Time started;
    uint64_t bytes_at_start = 0;
    Time written;
  };
  struct Step {
    int number = 0;  // by first appearance
    Time started;
    LogLines log;
    std::map<std::string, Moving> transfers;
  };

  Step& FindStep(const builder::ProgressEvent& event, std::string& out);
  void AddTransfer(Step& step, const builder::ProgressEvent& event,
                   std::string& out);

  std::function<void(std::string_view)> write_;
  std::map<uint64_t, Step> steps_;
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_PLAIN_PROGRESS_H_
