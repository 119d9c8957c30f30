// `.Values` of templates: a YAML file, and settings over it (acr-tasks 1.10).
// Pure.

#ifndef STRAKE_TASKS_FILE_VALUES_H_
#define STRAKE_TASKS_FILE_VALUES_H_

#include <span>
#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::tasks::file {

// A values file as a JSON object, maps within maps too; "{}" for an empty one.
// `kInvalidArgument`: "FILE:LINE:COLUMN: yaml: ...".
Result<std::string> ReadValues(std::string_view text, const std::string& file);

// `values` with each "key=value" of `settings` in it, a later one over an
// earlier one: the value is a string whatever it looks like, the key is one
// however many dots it has, and takes the place of all that it had.
//   values  a JSON object
// Errors: "failed to parse --set data; invalid format, no = assignment found",
// "failed to parse --set data; expected a key=val format".
Result<std::string> SetValues(const std::string& values,
                              std::span<const std::string> settings);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_VALUES_H_
