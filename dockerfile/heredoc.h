// Here-documents: recognising them on an instruction's line and reading their
// bodies (Dockerfile reference, "Here-documents").

#ifndef STRAKE_DOCKERFILE_HEREDOC_H_
#define STRAKE_DOCKERFILE_HEREDOC_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/instruction.h"
#include "dockerfile/lexer.h"
#include "util/result.h"

namespace strake::dockerfile {

// A heredoc as read: `doc.content` has its leading tabs removed where the
// heredoc asks for it, `raw_content` is the body as it stands in the file.
struct HeredocBody {
  Heredoc doc;
  std::string raw_content;
};

// `word` as `<<NAME`, `<<-NAME`, `<<'NAME'`, `3<<NAME`; nothing where it is
// something else. Content and range are empty.
// Errors: kInvalidArgument for an unterminated quote in the name.
Result<std::optional<Heredoc>> ParseHeredocWord(std::string_view word);

// The heredocs that the words of `line` announce, in order.
Result<std::vector<Heredoc>> FindHeredocs(std::string_view line);

// Reads the body of `heredoc` and its terminator from `lexer`. Nothing where
// the file ends first; `lexer` is then at the end.
std::optional<HeredocBody> ReadHeredocBody(const Heredoc& heredoc,
                                           Lexer& lexer);

// `body` without the tabs at the start of its lines.
std::string ChompLeadingTabs(std::string_view body);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_HEREDOC_H_
