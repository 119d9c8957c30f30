// Progress as JSON for programs, one object a line, in the shape of BuildKit's
// SolveStatus (`docker buildx build --progress rawjson`); docs/progress.md.

#ifndef STRAKE_CLI_JSON_PROGRESS_H_
#define STRAKE_CLI_JSON_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "builder/progress.h"
#include "util/result.h"

namespace strake::cli {

class JsonProgress final : public builder::ProgressSink {
 public:
  // Writes to `fd` (borrowed); that nobody reads it is no reason to stop.
  explicit JsonProgress(int fd) : fd_(fd) {}
  void OnEvent(const builder::ProgressEvent& event) override;

 private:
  using Time = std::chrono::system_clock::time_point;
  struct Transfer {
    Time started;
    Time written;
  };
  struct Step {
    std::string digest;
    std::string name;
    Time started;
    std::map<std::string, Transfer> transfers;
  };

  int fd_;
  std::map<uint64_t, Step> steps_;
};

// The last line of a build that failed: {"error":{"code":...,"message":...}}.
std::string JsonError(const Error& error);

}  // namespace strake::cli

#endif  // STRAKE_CLI_JSON_PROGRESS_H_
