// A task file's text on its way to YAML, whose lines know where in the file
// they came from. Pure.

#ifndef STRAKE_TASKS_FILE_MAPPED_TEXT_H_
#define STRAKE_TASKS_FILE_MAPPED_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

#include "tasks/file/task.h"

namespace strake::tasks::file {

struct MappedText {
  std::string text;
  // Of each line of `text`, which "\n" ends: the line of the file, from 1.
  std::vector<int> lines;
};

// The file but for the lines that are blank up to a "#", wherever they stand:
// a shebang within a block scalar is gone, too (acr-tasks 1.1). "\r\n" becomes
// "\n".
MappedText WithoutCommentLines(std::string_view file);

// What the first line that begins with a `version` key says, whatever YAML
// would make of it; "" where none does (acr-tasks 1.1).
std::string FindVersion(std::string_view text);

// The line of the file behind a line of `text`; both from 1.
int SourceLine(const MappedText& text, int line);

// From places in a text to places in the file.
class Locator {
 public:
  //   file, text  borrowed
  Locator(std::string_view file, const MappedText& text);

  // Exact where the line is the author's own up to there, or from there on;
  // else where it begins to differ.
  Place Locate(int line, int column) const;

 private:
  const MappedText& text_;
  std::vector<std::string_view> source_lines_;
  std::vector<std::string_view> lines_;
};

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_MAPPED_TEXT_H_
