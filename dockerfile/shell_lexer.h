// The engine behind expand.h and heredoc.h: walks a text as a shell would,
// removes quotes and escapes, replaces variables, splits into words.

#ifndef STRAKE_DOCKERFILE_SHELL_LEXER_H_
#define STRAKE_DOCKERFILE_SHELL_LEXER_H_

#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/expand.h"
#include "util/result.h"

namespace strake::dockerfile {

struct ShellLexOptions {
  char escape = '\\';
  bool keep_quotes = false;    // quotes stay in the text they quote
  bool keep_escapes = false;   // so do escape characters
  bool ignore_quotes = false;  // quotes are ordinary characters
  bool keep_unset = false;     // references to unset variables stay as written
};

struct ShellLexResult {
  std::string text;                // everything as one word
  std::vector<std::string> words;  // split at unquoted blanks
  std::vector<std::string> matched;
  std::vector<std::string> unmatched;
};

// Errors: kInvalidArgument; the message does not repeat `text`.
Result<ShellLexResult> ShellLex(std::string_view text,
                                const VariableLookup& lookup,
                                const ShellLexOptions& options);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_SHELL_LEXER_H_
