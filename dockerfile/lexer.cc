#include "dockerfile/lexer.h"

#include <algorithm>
#include <utility>

#include "dockerfile/unicode.h"

namespace strake::dockerfile {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Takes the escape character, and the spaces and tabs behind it, off the end
// of `line`, if there is one that continues it: one that is not itself
// escaped, judged by the single character in front of it.
bool TakeContinuation(std::string_view& line, char escape) {
  size_t last = line.find_last_not_of(" \t");
  if (last == std::string_view::npos || line[last] != escape) return false;
  if (last > 0 && line[last - 1] == escape) return false;
  line = line.substr(0, last);
  return true;
}

}  // namespace

bool IsCommentLine(std::string_view line) {
  std::string_view text = TrimLeftBlanks(line);
  return !text.empty() && text[0] == '#';
}

std::string_view TrimLineEnding(std::string_view line) {
  size_t last = line.find_last_not_of("\r\n");
  return line.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

SourceRange LogicalLine::Range(size_t begin, size_t end) const {
  auto piece_of = [&](size_t offset) {
    auto after = std::upper_bound(
        pieces_.begin(), pieces_.end(), offset,
        [](size_t o, const Piece& piece) { return o < piece.offset; });
    return after == pieces_.begin() ? *after : *(after - 1);
  };
  Piece first = piece_of(begin);
  // The end belongs to the last byte, not to the one behind it, which may
  // stand on another line.
  size_t last_byte = end > begin ? end - 1 : begin;
  Piece last = piece_of(last_byte);
  return {.start_line = first.line,
          .start_column = first.column + static_cast<int>(begin - first.offset),
          .end_line = last.line,
          .end_column = last.column + static_cast<int>(end - last.offset)};
}

void LogicalLine::Append(std::string_view text, int line, int column) {
  pieces_.push_back({.offset = text_.size(), .line = line, .column = column});
  text_ += text;
}

Lexer::Lexer(std::string_view text, char escape)
    : text_(text), escape_(escape) {
  if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    text_.remove_prefix(kByteOrderMark.size());
  }
}

std::optional<PhysicalLine> Lexer::NextPhysical() {
  if (at_ == text_.size()) return {};
  size_t newline = text_.find('\n', at_);
  size_t end = newline == std::string_view::npos ? text_.size() : newline + 1;
  std::string_view line = text_.substr(at_, end - at_);
  at_ = end;
  ++line_;
  size_t content = line.size() - (newline == std::string_view::npos ? 0 : 1);
  if (content > kMaxLineBytes &&
      (overlong_.empty() || overlong_.back().start_line < line_)) {
    overlong_.push_back({.start_line = line_,
                         .start_column = 1,
                         .end_line = line_,
                         .end_column = static_cast<int>(content) + 1});
  }
  return PhysicalLine{.text = line, .number = line_};
}

void Lexer::AddComment(std::string_view line, const PhysicalLine& physical,
                       std::vector<Located>& comments) {
  size_t hash = line.find('#');
  std::string_view text = TrimBlanks(line.substr(hash + 1));
  if (text.empty()) {
    comments.clear();
    return;
  }
  int start = static_cast<int>(hash) + physical.first_column;
  comments.push_back({.text = std::string(text),
                      .range = {.start_line = physical.number,
                                .start_column = start,
                                .end_line = physical.number,
                                .end_column = physical.first_column +
                                              static_cast<int>(line.size())}});
}

std::optional<LogicalLine> Lexer::Next() {
  LogicalLine logical;
  bool started = false;
  while (auto physical = NextPhysical()) {
    std::string_view line = TrimLineEnding(physical->text);
    if (IsCommentLine(line)) {
      // Comments within a continued instruction are dropped.
      if (!started) AddComment(line, *physical, logical.comments_);
      continue;
    }
    std::string_view content = TrimLeftBlanks(line);
    if (content.empty()) {
      if (!started) {
        logical.comments_.clear();
        continue;
      }
      logical.empty_lines_.push_back(physical->number);
      continue;
    }
    // Blanks in front count from the second line on.
    if (started) content = line;
    size_t column = line.size() - content.size() + 1;
    bool continues = TakeContinuation(content, escape_);
    logical.Append(content, physical->number, static_cast<int>(column));
    started = true;
    if (!continues) return logical;
  }
  // The file may end in a continuation.
  if (started) return logical;
  return {};
}

}  // namespace strake::dockerfile
