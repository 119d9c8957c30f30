// How `docker` in the scripts of steps reaches the run: a socket that both see.
// The program that steps find as `docker` is strake itself; it sends its words,
// its folder, its environment and its standard streams, and waits for an exit
// status. When it is gone, what it asked for is stopped.
//
// One message each way, JSON after its length (4 bytes, the highest first); the
// descriptors 0, 1 and 2 come with the first byte (SCM_RIGHTS):
//   {"words": [...], "directory": "/workspace", "env": [...], "step": TOKEN}
//   {"status": 0}

#ifndef STRAKE_TASKS_RUN_DOCKER_SOCKET_H_
#define STRAKE_TASKS_RUN_DOCKER_SOCKET_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "tasks/run/docker_engine.h"
#include "util/result.h"

namespace strake::tasks::run {

// The words "@step ..." are the container or build of the step itself: what a
// line that needed a shell begins with.
inline constexpr char kStepWord[] = "@step";

class DockerSocket {
 public:
  // Answers an invocation; called from threads of their own.
  using Answer = std::function<Result<int>(const Invocation&, std::stop_token)>;
  // Listens in the folder `directory` as "docker.sock".
  static Result<std::unique_ptr<DockerSocket>> Listen(
      const std::string& directory, Answer answer);
  virtual ~DockerSocket() = default;  // stops what is going on, and waits
};

// The other end: whether this process is meant to be `docker` in a step, and
// its exit status if so. For `main`, first thing.
//   program  argv[0]
std::optional<int> RunAsDocker(int argc, char** argv);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_DOCKER_SOCKET_H_
