// `--format` of docker's commands.

#ifndef STRAKE_TASKS_RUN_FORMAT_JSON_H_
#define STRAKE_TASKS_RUN_FORMAT_JSON_H_

#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::tasks::run {

// A JSON object by a template of Go's; by "json": as it is. `kUnsupported`:
// "table ...". Errors of the template as `file::RenderTemplate`.
Result<std::string> FormatJson(std::string_view format,
                               const std::string& object);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_FORMAT_JSON_H_
