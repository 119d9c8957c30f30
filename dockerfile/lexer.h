// Dockerfile text to logical lines: one per instruction, continuations joined,
// comments and blank lines left out (Dockerfile reference, "Format").

#ifndef STRAKE_DOCKERFILE_LEXER_H_
#define STRAKE_DOCKERFILE_LEXER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/source_range.h"

namespace strake::dockerfile {

// The longest line, without its "\n", that the language allows.
inline constexpr size_t kMaxLineBytes = 65535;

// One line of the file as it stands there.
struct PhysicalLine {
  std::string_view text;  // with its line ending, if it has one
  int number = 0;         // from 1
  int first_column = 1;   // of text[0]
};

// One instruction's text, and where each part of it was written.
class LogicalLine {
 public:
  const std::string& text() const { return text_; }
  // Comments directly above: without "#" and blanks around it. A blank line
  // or an empty comment between a comment and the instruction cuts it off.
  const std::vector<Located>& comments() const { return comments_; }
  // Numbers of the blank lines within the continued instruction.
  const std::vector<int>& empty_lines() const { return empty_lines_; }

  // Where text()[begin, end) was written. REQUIRES: begin <= end <= size
  SourceRange Range(size_t begin, size_t end) const;
  // The part that the last line contributes.
  SourceRange LastLineRange() const {
    return Range(pieces_.back().offset, text_.size());
  }

 private:
  friend class Lexer;
  // text_ from `offset` on comes from `line`, starting at `column`.
  struct Piece {
    size_t offset = 0;
    int line = 0;
    int column = 0;
  };
  void Append(std::string_view text, int line, int column);

  std::string text_;
  std::vector<Piece> pieces_;
  std::vector<Located> comments_;
  std::vector<int> empty_lines_;
};

// Reads the logical lines of `text` (borrowed) from the top.
class Lexer {
 public:
  // A byte order mark at the start is skipped.
  explicit Lexer(std::string_view text, char escape);

  // The next instruction; nothing at the end.
  std::optional<LogicalLine> Next();

  // The next line of the file, unprocessed (heredoc bodies).
  std::optional<PhysicalLine> NextPhysical();

  // Back to where the lexer was at an earlier `Mark`.
  struct Position {
    size_t at = 0;
    int line = 0;
  };
  Position Mark() const { return {at_, line_}; }
  void Return(Position position) {
    at_ = position.at;
    line_ = position.line;
  }

  // Lines longer than `kMaxLineBytes` that were passed.
  const std::vector<SourceRange>& overlong_lines() const { return overlong_; }

 private:
  void AddComment(std::string_view line, const PhysicalLine& physical,
                  std::vector<Located>& comments);

  std::string_view text_;
  char escape_;
  size_t at_ = 0;
  int line_ = 0;  // number of the last line read
  std::vector<SourceRange> overlong_;
};

// Whether the first character of `line` that is no blank is "#".
bool IsCommentLine(std::string_view line);

// `line` without the "\r" and "\n" at its end.
std::string_view TrimLineEnding(std::string_view line);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_LEXER_H_
