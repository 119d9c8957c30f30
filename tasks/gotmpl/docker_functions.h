// The functions of docker's `--format`: Go's own and a few more, which are not
// sprig's of the same names.

#ifndef STRAKE_TASKS_GOTMPL_DOCKER_FUNCTIONS_H_
#define STRAKE_TASKS_GOTMPL_DOCKER_FUNCTIONS_H_

#include "tasks/gotmpl/function.h"

namespace strake::tasks::gotmpl {

// `json value`, `join list separator`, `split text separator`, `upper text`,
// `lower text`, `title text` (its first letter), `pad text before after` (with
// blanks), `truncate text runes`.
const Functions& DockerFunctions();

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_DOCKER_FUNCTIONS_H_
