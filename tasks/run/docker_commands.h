// The commands of the built-in docker (docker_engine.h), one family a file.
// Each takes the words after its own name and returns an exit status; an error
// is a message for its caller.

#ifndef STRAKE_TASKS_RUN_DOCKER_COMMANDS_H_
#define STRAKE_TASKS_RUN_DOCKER_COMMANDS_H_

#include <span>
#include <stop_token>
#include <string>

#include "tasks/run/docker_engine.h"
#include "tasks/run/run_space.h"
#include "util/result.h"

namespace strake::tasks::run {

using Words = std::span<const std::string>;
using DockerCommand = Result<int> (*)(RunSpace& space,
                                      const Invocation& invocation, Words words,
                                      std::stop_token stop);

// docker_build.cc
//   step  whose properties count; null: those of no step do
Result<int> BuildImage(RunSpace& space, const Invocation& invocation,
                       Words words, const file::Step* step,
                       std::stop_token stop);

// docker_run.cc
Result<int> RunContainer(RunSpace& space, const Invocation& invocation,
                         Words words, const file::Step* step,
                         std::stop_token stop);
// docker_images.cc
Result<int> DockerPull(RunSpace&, const Invocation&, Words, std::stop_token);
Result<int> DockerPush(RunSpace&, const Invocation&, Words, std::stop_token);
Result<int> DockerTag(RunSpace&, const Invocation&, Words, std::stop_token);
Result<int> DockerImages(RunSpace&, const Invocation&, Words, std::stop_token);
Result<int> DockerRemoveImage(RunSpace&, const Invocation&, Words,
                              std::stop_token);
Result<int> DockerInspect(RunSpace&, const Invocation&, Words, std::stop_token);

// docker_login.cc
Result<int> DockerLogin(RunSpace&, const Invocation&, Words, std::stop_token);
Result<int> DockerLogout(RunSpace&, const Invocation&, Words, std::stop_token);

// docker_containers.cc
Result<int> DockerList(RunSpace&, const Invocation&, Words, std::stop_token);
Result<int> DockerStop(RunSpace&, const Invocation&, Words, std::stop_token);
Result<int> DockerRemove(RunSpace&, const Invocation&, Words, std::stop_token);
Result<int> DockerLogs(RunSpace&, const Invocation&, Words, std::stop_token);
Result<int> DockerWait(RunSpace&, const Invocation&, Words, std::stop_token);

// docker_archives.cc
Result<int> DockerSave(RunSpace&, const Invocation&, Words, std::stop_token);
Result<int> DockerLoad(RunSpace&, const Invocation&, Words, std::stop_token);

// docker_imagetools.cc
Result<int> DockerImageTools(RunSpace&, const Invocation&, Words,
                             std::stop_token);

// docker_network.cc
Result<int> DockerNetwork(RunSpace&, const Invocation&, Words, std::stop_token);

// docker_manifest.cc
Result<int> DockerManifest(RunSpace&, const Invocation&, Words,
                           std::stop_token);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_DOCKER_COMMANDS_H_
