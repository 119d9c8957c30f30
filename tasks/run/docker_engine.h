// The built-in `docker`: what `cmd: docker ...` steps, and `docker` in the
// scripts of steps, run. It acts on strake's own store and on the containers of
// the run; there is no engine behind it.

#ifndef STRAKE_TASKS_RUN_DOCKER_ENGINE_H_
#define STRAKE_TASKS_RUN_DOCKER_ENGINE_H_

#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

#include "tasks/run/run_space.h"
#include "tasks/run/streams.h"
#include "util/result.h"

namespace strake::tasks::run {

// One use of `docker`.
struct Invocation {
  std::vector<std::string> words;        // without "docker"
  size_t step = 0;                       // on whose behalf
  std::string directory = "/workspace";  // as the step sees it
  std::vector<std::string> env;          // "NAME=value": of the caller
  // Which step asks, where it comes through the socket; `step` is found by it.
  std::string token;
  Streams streams;
};

// Carries out a command and returns its exit status; what went wrong is told on
// standard error, as docker does ("docker: ..."). `kCancelled` where `stop` was
// requested. Thread-safe.
Result<int> RunDocker(RunSpace& space, const Invocation& invocation,
                      std::stop_token stop);

// Runs the container, build or push of a step, whose own words are
// `invocation.words`: what follows "docker run" in a `cmd`, and "docker build"
// in a `build`. Its other properties apply below these.
Result<int> RunStepContainer(RunSpace& space, const Invocation& invocation,
                             std::stop_token stop);
Result<int> RunStepBuild(RunSpace& space, const Invocation& invocation,
                         std::stop_token stop);
// Pushes `reference` (with "latest" where it has neither tag nor digest),
// returns the digest.
Result<std::string> PushReference(RunSpace& space, const std::string& reference,
                                  std::stop_token stop);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_DOCKER_ENGINE_H_
