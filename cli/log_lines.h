// Raw output of steps, which comes in pieces, as whole lines.

#ifndef STRAKE_CLI_LOG_LINES_H_
#define STRAKE_CLI_LOG_LINES_H_

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace strake::cli {

// For one step; its two streams are kept apart. Not thread-safe.
class LogLines {
 public:
  // The lines that `text`, output of `stream` (1 or 2), completes, without
  // their "\n".
  std::vector<std::string> Add(int stream, std::string_view text);
  // What is left when the step has ended.
  std::vector<std::string> Finish();

 private:
  std::array<std::string, 2> partial_;
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_LOG_LINES_H_
