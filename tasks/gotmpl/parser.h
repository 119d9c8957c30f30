// A template's text to its syntax tree.

#ifndef STRAKE_TASKS_GOTMPL_PARSER_H_
#define STRAKE_TASKS_GOTMPL_PARSER_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/gotmpl/syntax_tree.h"
#include "util/result.h"

namespace strake::tasks::gotmpl {

// Parses `text`.
//   name       what errors call it
//   functions  the names that may be called
// `kInvalidArgument`: "failed to parse template: <name>:<line>:<column>: ...".
Result<SyntaxTree> ParseTemplate(std::string_view text, std::string_view name,
                                 const std::vector<std::string>& functions);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_PARSER_H_
