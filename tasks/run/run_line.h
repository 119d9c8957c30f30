// The text of a `cmd` or `build` step, run as ACR does: as what follows `docker
// run` or `docker build` in a line that a shell reads.
//
// That shell is not this machine's own: where a line needs one, it runs in a
// container of this machine's programs (`HostToolsSpec`), sees nothing but what
// steps share, and finds a `docker` that leads back here (docker_socket.h). A
// line without anything for a shell to do is only split into words.

#ifndef STRAKE_TASKS_RUN_RUN_LINE_H_
#define STRAKE_TASKS_RUN_RUN_LINE_H_

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string_view>

#include "tasks/run/docker_engine.h"
#include "tasks/run/run_space.h"
#include "util/result.h"

namespace strake::tasks::run {

// Runs the line of step `index`; returns its exit status.
//   output  gets what is written, by stream 1 or 2
Result<int> RunLine(RunSpace& space, size_t index,
                    const std::function<void(int, std::string_view)>& output,
                    std::stop_token stop);

// Answers `docker` in a step's shell (docker_socket.h).
Result<int> AnswerDocker(RunSpace& space, const Invocation& invocation,
                         std::stop_token stop);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_RUN_LINE_H_
