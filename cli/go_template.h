// `--format` of what is JSON: Go's text/template with docker's functions.

#ifndef STRAKE_CLI_GO_TEMPLATE_H_
#define STRAKE_CLI_GO_TEMPLATE_H_

#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::cli {

// Fills `pattern` in with the values of `json`, a JSON document, printed as Go
// prints them (`[a b]`, `map[k:v]`, `<no value>` for what a map lacks, and for
// the fields of that). "\n" and "\t" in the text are a line end and a tab, as
// in docker. `kInvalidArgument` says where the pattern is wrong, or which field
// a value does not have.
Result<std::string> FormatGoTemplate(std::string_view pattern,
                                     std::string_view json);

}  // namespace strake::cli

#endif  // STRAKE_CLI_GO_TEMPLATE_H_
