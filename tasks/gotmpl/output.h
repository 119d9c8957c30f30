// The text that a template gives, and where each of its lines came from.

#ifndef STRAKE_TASKS_GOTMPL_OUTPUT_H_
#define STRAKE_TASKS_GOTMPL_OUTPUT_H_

#include <string>
#include <string_view>
#include <vector>

#include "tasks/gotmpl/place.h"
#include "util/result.h"

namespace strake::tasks::gotmpl {

class Output {
 public:
  // `source` is the template's text; borrowed.
  explicit Output(std::string_view source);

  // Bytes of the template as they are.
  Status Copy(Range range);
  // `text` in place of the action at byte `at` of the template.
  Status Write(std::string_view text, size_t at);

  struct Rendered {
    std::string text;
    // One for each line; the last may be empty.
    std::vector<int> source_lines;
  };
  Rendered Take() &&;

 private:
  Status CheckSize(size_t more) const;
  void BeginLine(int line);
  int SourceLine(size_t at) const;

  std::string_view source_;
  std::vector<size_t> line_ends_;  // of the source's "\n"s
  std::string text_;
  std::vector<int> lines_;
  bool at_line_start_ = true;
  int next_line_ = 1;  // where what follows would come from
};

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_OUTPUT_H_
