// What a container of a run sees beside its image: the workspace and the home,
// volumes of the task, those of `docker run`, caches of its step.

#ifndef STRAKE_TASKS_RUN_CONTAINER_VOLUMES_H_
#define STRAKE_TASKS_RUN_CONTAINER_VOLUMES_H_

#include <optional>
#include <string>

#include "tasks/file/task.h"
#include "tasks/run/container_table.h"
#include "tasks/run/docker_engine.h"
#include "tasks/run/flags.h"
#include "tasks/run/run_space.h"
#include "util/result.h"

namespace strake::tasks::run {

// Adds all that `flags` and `step` (null: none) name to `request`.
// `kInvalidArgument`: a flag that makes no sense, a place that steps do not
// share, content that is no Base64.
Status AddVolumes(const RunSpace& space, const ParsedFlags& flags,
                  const Invocation& invocation, const file::Step* step,
                  ContainerRequest& request);

// A file of a volume, with a line's end behind it, as ACR's engine writes it.
// REQUIRES: the volume has it.
Result<std::string> SecretContent(const file::Volume& volume,
                                  const std::string& name);

// The content of the file that `step` mounts at `path`, out of a volume;
// nothing where it mounts none there.
Result<std::optional<std::string>> ReadMountedFile(const file::Task& task,
                                                   const file::Step& step,
                                                   const std::string& path);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_CONTAINER_VOLUMES_H_
