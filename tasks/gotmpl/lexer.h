// A template's text to tokens.

#ifndef STRAKE_TASKS_GOTMPL_LEXER_H_
#define STRAKE_TASKS_GOTMPL_LEXER_H_

#include <string>
#include <string_view>
#include <vector>

#include "tasks/gotmpl/place.h"

namespace strake::tasks::gotmpl {

enum class TokenKind {
  kText,      // outside of actions, trimmed
  kLeft,      // {{ or {{-
  kRight,     // }} or -}}
  kSpace,     // blanks and line ends between words
  kWord,      // name, keyword, true, false, nil
  kField,     // .name
  kVariable,  // $ or $name
  kDot,       // .
  kNumber,    // also 'c'
  kString,    // with its quotes, " or `
  kPipe,      // |
  kComma,     // ,
  kOpen,      // (
  kClose,     // )
  kDeclare,   // :=
  kAssign,    // =
  kError,     // the last token: `message` says what is wrong
  kEnd,       // of the text
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Range range;
  std::string message;
};

// Comments are left out. The last token is kEnd or kError.
std::vector<Token> Tokenize(std::string_view text);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_LEXER_H_
