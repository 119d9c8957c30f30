// Glob patterns as Go's filepath.Match reads them (Unix): `*` any run without
// "/", `?` one character but "/", `[a-z]` and `[^a-z]` classes, `\x` is x. A
// character is a UTF-8 code point; a byte that is not UTF-8 is one character.

#ifndef STRAKE_BUILDER_CONTEXT_PATH_MATCH_H_
#define STRAKE_BUILDER_CONTEXT_PATH_MATCH_H_

#include <string_view>

#include "util/result.h"

namespace strake::builder::context {

// Whether `name` as a whole matches `pattern`.
bool PathMatch(std::string_view pattern, std::string_view name);

// `kInvalidArgument`: `pattern` is malformed (a class without an end, a `\` at
// the end, an empty class).
Status CheckPathPattern(std::string_view pattern);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_PATH_MATCH_H_
