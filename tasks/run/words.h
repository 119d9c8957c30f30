// The words of a `cmd` or `build` line. Pure.

#ifndef STRAKE_TASKS_RUN_WORDS_H_
#define STRAKE_TASKS_RUN_WORDS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strake::tasks::run {

// `line` split as a POSIX shell would (XCU 2.2, 2.6.5), if splitting is all
// that a shell would do with it; nothing where it holds an expansion, an
// operator, a pattern, a comment or a quote without end: a shell has to read
// it then.
std::optional<std::vector<std::string>> PlainWords(std::string_view line);

// `word` such that a shell reads it as itself.
std::string ShellQuote(std::string_view word);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_WORDS_H_
