// The patterns of ${name#pattern}, ${name%pattern} and ${name/pattern/text}:
// `*` and `?`, with `\` in front for the characters themselves. Brackets have
// no meaning.

#ifndef STRAKE_DOCKERFILE_VARIABLE_PATTERN_H_
#define STRAKE_DOCKERFILE_VARIABLE_PATTERN_H_

#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::dockerfile {

enum class MatchLength { kShortest, kLongest };
enum class Occurrences { kFirst, kAll };

// `value` without the part at its start, or at its end, that `pattern`
// matches. Errors: kInvalidArgument for a bad pattern.
Result<std::string> RemovePrefix(std::string_view value,
                                 std::string_view pattern, MatchLength length);
Result<std::string> RemoveSuffix(std::string_view value,
                                 std::string_view pattern, MatchLength length);

// `value` with the longest match of `pattern` replaced. With kAll, `$1` and
// `${name}` in `replacement` stand for nothing and `$$` for "$", as in the
// language's reference implementation, whose regular expression library
// reads them as groups; the result may have 1 MiB, beyond that it is an error.
Result<std::string> ReplacePattern(std::string_view value,
                                   std::string_view pattern,
                                   std::string_view replacement,
                                   Occurrences occurrences);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_VARIABLE_PATTERN_H_
