// `docker run` flags and a step's properties to a container.

#ifndef STRAKE_TASKS_RUN_CONTAINER_REQUEST_H_
#define STRAKE_TASKS_RUN_CONTAINER_REQUEST_H_

#include <string>
#include <string_view>
#include <vector>

#include "tasks/run/container_table.h"
#include "tasks/run/docker_engine.h"
#include "tasks/run/flags.h"
#include "util/result.h"

namespace strake::tasks::run {

struct RunRequest {
  ContainerRequest container;
  bool detach = false;
  // What of the flags has no effect here, for the log.
  std::vector<std::string> notes;
};

// The words after `docker run`, read.
Result<ParsedFlags> ParseRunFlags(const std::vector<std::string>& words);

// A container as `flags` describe it. `kInvalidArgument` where there is no
// image, and for values that make no sense.
//   step  null: it is no step's own, and sees none of the shared folders
//         unless a flag says so
Result<RunRequest> MakeRunRequest(RunSpace& space, const ParsedFlags& flags,
                                  const Invocation& invocation,
                                  const file::Step* step);

// A container of this machine's own programs, which sees the workspace, the
// home and `docker`. The rest of the request is the caller's to fill in.
builder::ContainerSpec HostToolsSpec(const RunSpace& space,
                                     const Invocation& invocation);

// "8080:80", "127.0.0.1:8080:80", "80", with "/tcp".
Result<builder::PublishSpec> ParsePort(std::string_view text);

// A property of a step as the word that a shell would make of it: quotes are
// taken away. What is no single word is returned as it is.
std::string UnquotedProperty(const std::string& text);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_CONTAINER_REQUEST_H_
