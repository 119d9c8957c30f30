// The text of a task file up to YAML: comment lines, version, aliases,
// templates (acr-tasks 1.1).

#ifndef STRAKE_TASKS_FILE_TASK_TEXT_H_
#define STRAKE_TASKS_FILE_TASK_TEXT_H_

#include <map>
#include <string>

#include "tasks/file/aliases.h"
#include "tasks/file/late_text.h"
#include "tasks/file/mapped_text.h"
#include "tasks/file/problems.h"
#include "tasks/file/task_file.h"
#include "util/result.h"
#include "util/yaml.h"

namespace strake::tasks::file {

using SecretValues = std::map<std::string, std::string>;  // by id

// After aliases, before templates.
struct PreparedText {
  MappedText text;
  bool has_aliases = false;
  Aliases aliases;         // where it has
  bool is_strake = false;  // by what `FindVersion` saw
};
Result<PreparedText> PrepareText(const TaskSource& source, Problems& problems);

Result<MappedText> RenderText(const TaskSource& source,
                              const PreparedText& prepared,
                              const SecretValues& secrets, Problems& problems);

// A rendered text as YAML. `actions` stays with it, so that its marks can be
// brought back to the file.
struct ParsedText {
  HiddenActions hidden;
  YamlNode root;
};
Result<ParsedText> ParseText(const TaskSource& source,
                             const PreparedText& prepared,
                             const MappedText& text, Problems& problems);

// The values of the secrets that the file names, which templates of the same
// file may read: it is rendered without them first.
Result<SecretValues> ResolveSecrets(const TaskSource& source,
                                    const PreparedText& prepared,
                                    Problems& problems);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_TASK_TEXT_H_
