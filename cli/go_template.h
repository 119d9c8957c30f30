// The part of Go's text/template that `--format` needs: text,
// `{{.Field.Inner}}`,
// `{{.}}`, `{{json .Field}}`, `{{index .Field "key"}}` (several keys, or
// numbers for lists), and `{{-`, `-}}` trimming. Anything else is an error.

#ifndef STRAKE_CLI_GO_TEMPLATE_H_
#define STRAKE_CLI_GO_TEMPLATE_H_

#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::cli {

// Fills `pattern` in with the values of `json`, a JSON document, printed as Go
// prints them (`[a b]`, `map[k:v]`, `<no value>` for what a map lacks). "\n"
// and "\t" in the text are a line end and a tab, as in docker.
// `kInvalidArgument` names the action that is not understood, or the field that
// a value without fields does not have.
Result<std::string> FormatGoTemplate(std::string_view pattern,
                                     std::string_view json);

}  // namespace strake::cli

#endif  // STRAKE_CLI_GO_TEMPLATE_H_
