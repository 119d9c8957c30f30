// Lists of patterns for names of branches and tags: `*` is any run of
// characters without "/", `**` any run, `?` one character but "/". A pattern
// behind "!" takes out again what an earlier one took in; the last that matches
// decides. A list that begins with "!" takes all else.

#ifndef STRAKE_TASKS_TRIGGER_NAME_PATTERN_H_
#define STRAKE_TASKS_TRIGGER_NAME_PATTERN_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::tasks::trigger {

// Whether `pattern`, without "!", is all of `name`. Takes no longer than the
// product of their lengths.
bool MatchesName(std::string_view pattern, std::string_view name);

// Immutable.
class NamePatterns {
 public:
  NamePatterns() = default;  // matches nothing
  // `kInvalidArgument`: an empty pattern, one longer than 255 bytes.
  static Result<NamePatterns> Compile(std::vector<std::string> patterns);

  bool empty() const { return patterns_.empty(); }
  bool Matches(std::string_view name) const;
  // "main, !main-*", for messages.
  std::string ToString() const;

 private:
  std::vector<std::string> patterns_;
};

}  // namespace strake::tasks::trigger

#endif  // STRAKE_TASKS_TRIGGER_NAME_PATTERN_H_
