#include "tasks/gotmpl/output.h"

#include <algorithm>

#include "tasks/gotmpl/function.h"

namespace strake::tasks::gotmpl {

Output::Output(std::string_view source) : source_(source) {
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\n') line_ends_.push_back(i);
  }
}

int Output::SourceLine(size_t at) const {
  auto after = std::lower_bound(line_ends_.begin(), line_ends_.end(), at);
  return 1 + static_cast<int>(after - line_ends_.begin());
}

Status Output::CheckSize(size_t more) const {
  return CheckTextSize(text_.size() + more);
}

void Output::BeginLine(int line) {
  if (at_line_start_) lines_.push_back(line);
  at_line_start_ = false;
}

Status Output::Copy(Range range) {
  if (auto size = CheckSize(range.end - range.begin); !size) return size;
  int line = SourceLine(range.begin);
  for (char c : source_.substr(range.begin, range.end - range.begin)) {
    BeginLine(line);
    text_ += c;
    if (c == '\n') {
      at_line_start_ = true;
      ++line;
    }
  }
  next_line_ = line;
  return {};
}

Status Output::Write(std::string_view text, size_t at) {
  if (auto size = CheckSize(text.size()); !size) return size;
  next_line_ = SourceLine(at);
  for (char c : text) {
    BeginLine(next_line_);
    text_ += c;
    if (c == '\n') at_line_start_ = true;
  }
  return {};
}

Output::Rendered Output::Take() && {
  BeginLine(next_line_);
  return {std::move(text_), std::move(lines_)};
}

}  // namespace strake::tasks::gotmpl
