// Paths in the containers of a run to paths on this machine.

#ifndef STRAKE_TASKS_RUN_PATH_MAP_H_
#define STRAKE_TASKS_RUN_PATH_MAP_H_

#include <string>
#include <string_view>

#include "tasks/run/run_space.h"
#include "util/result.h"

namespace strake::tasks::run {

// `path`, resolved in `directory` if it is relative, as the steps see it:
// "/workspace/src".
std::string AbsolutePath(std::string_view directory, std::string_view path);

// Where on this machine `path` (absolute, as a step sees it) is: in the
// workspace or in the home. Symlinks on the way never lead out of these.
// `kInvalidArgument`: it is in neither, and so nothing that steps share.
//   what  what it is for, in the error: "build context"
Result<std::string> HostPath(const RunSpace& space, std::string_view path,
                             std::string_view what);

// The content of the regular file `path` (absolute, as a step sees it), of at
// most a mebibyte. What a step puts there never leads elsewhere, nor makes who
// reads it wait.
//   what  what it is for, in errors: "--env-file"
Result<std::string> ReadShared(const RunSpace& space, std::string_view path,
                               std::string_view what);

// `text` with the places of this machine as the steps see them.
std::string AsStepsSee(const RunSpace& space, std::string_view text);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_PATH_MAP_H_
