// The data that templates of a task file see: `.Run`, `.Build`, `.Values`,
// `.Secrets`, `.RunJSON`, `.ValuesJSON` (acr-tasks 1.10). Pure.

#ifndef STRAKE_TASKS_FILE_TEMPLATE_DATA_H_
#define STRAKE_TASKS_FILE_TEMPLATE_DATA_H_

#include <map>
#include <string>
#include <string_view>

#include "tasks/file/task_file.h"
#include "util/result.h"

namespace strake::tasks::file {

// What is there at the start of a step only.
struct LateData {
  std::string steps;  // `.Steps`: a JSON object
  std::map<std::string, std::string> matrix;
};

// A JSON object. `kInvalidArgument` where `values` or `late->steps` is none.
//   late  null: neither `.Steps` nor `.Matrix`
Result<std::string> TemplateData(
    const RunFacts& run, const std::string& values,
    const std::map<std::string, std::string>& secrets,
    const LateData* late = nullptr);

// `text` as one word of a shell: as it is where that is harmless, else in
// single quotes.
std::string ShellQuote(std::string_view text);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_TEMPLATE_DATA_H_
