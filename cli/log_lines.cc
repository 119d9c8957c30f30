#include "cli/log_lines.h"

#include <utility>

namespace strake::cli {
namespace {

// A line longer than this is cut in pieces: a program may never end one.
constexpr size_t kMaxLineBytes = size_t{64} << 10;

}  // namespace

std::vector<std::string> LogLines::Add(int stream, std::string_view text) {
  std::string& partial = partial_[stream == 2 ? 1 : 0];
  std::vector<std::string> lines;
  while (!text.empty()) {
    size_t end = text.find('\n');
    partial += text.substr(0, end);
    bool complete = end != std::string_view::npos;
    if (complete || partial.size() > kMaxLineBytes) {
      lines.push_back(std::exchange(partial, ""));
    }
    text = complete ? text.substr(end + 1) : std::string_view();
  }
  return lines;
}

std::vector<std::string> LogLines::Finish() {
  std::vector<std::string> lines;
  for (std::string& partial : partial_) {
    if (!partial.empty()) lines.push_back(std::exchange(partial, ""));
  }
  return lines;
}

}  // namespace strake::cli
