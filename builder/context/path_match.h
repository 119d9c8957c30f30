// Glob patterns for one path component, as Go's filepath.Match reads them: `*`
// any run, `?` one character, `[a-z]` and `[^a-z]` classes, `\x` is x. A
// character is a UTF-8 code point; a byte that is not UTF-8 is one character.

#ifndef STRAKE_BUILDER_CONTEXT_PATH_MATCH_H_
#define STRAKE_BUILDER_CONTEXT_PATH_MATCH_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/result.h"

namespace strake::builder::context {

// A compiled pattern; immutable.
class PathPattern {
 public:
  // Errors: kInvalidArgument, for a class without an end or without content, a
  // bad range, a `\` at the end.
  static Result<PathPattern> Compile(std::string_view pattern);

  // Whether `name`, which has no "/", matches as a whole.
  bool Matches(std::string_view name) const;

 private:
  struct Token {
    enum class Kind { kStar, kAny, kClass, kByte };
    Kind kind = Kind::kByte;
    char byte = 0;
    bool negated = false;
    std::vector<std::pair<char32_t, char32_t>> ranges;
  };
  static Result<Token> CompileClass(std::string_view pattern, size_t& at);

  std::vector<Token> tokens_;
};

// Whether `pattern` has an active wildcard: `*`, `?` or `[` without a `\`.
bool HasWildcard(std::string_view pattern);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_PATH_MATCH_H_
