// Variable expansion (Dockerfile reference, "Environment replacement"):
// $name, ${name}, ${name:-word} and relatives, ${name#pattern},
// ${name/pattern/text}; quotes and escapes are removed on the way.
//
// Pure; safe to call from any thread.

#ifndef STRAKE_DOCKERFILE_EXPAND_H_
#define STRAKE_DOCKERFILE_EXPAND_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::dockerfile {

// The value of a variable; nothing where it is not set, which is not the same
// as set to "".
using VariableLookup =
    std::function<std::optional<std::string>(std::string_view name)>;

struct Expansion {
  std::string text;
  // Names that were looked up and had, or did not have, a value; each once,
  // in the order of first use. `${name:-word}` counts as unmatched, too, where
  // `name` is unset.
  std::vector<std::string> matched;
  std::vector<std::string> unmatched;
};

struct WordsExpansion {
  std::vector<std::string> words;
  std::vector<std::string> matched;
  std::vector<std::string> unmatched;
};

// Expands `word` to exactly one word: blanks in it and in values stay.
//   escape  '\\', or '`' by directive
// Errors: kInvalidArgument: bad substitution, unterminated quote or brace,
// `${name:?message}` of an unset variable.
Result<Expansion> ExpandWord(std::string_view word,
                             const VariableLookup& lookup, char escape = '\\');

// Expands and splits at unquoted blanks, those of variables' values included
// (EXPOSE).
Result<WordsExpansion> ExpandWords(std::string_view text,
                                   const VariableLookup& lookup,
                                   char escape = '\\');

// Expands a heredoc body: quotes are ordinary characters, and the escape is
// always "\", which keeps the next character as it is and goes away itself.
Result<Expansion> ExpandHeredoc(std::string_view body,
                                const VariableLookup& lookup);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_EXPAND_H_
