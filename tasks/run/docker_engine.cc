#include "tasks/run/docker_engine.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "tasks/run/docker_commands.h"
#include "tasks/run/path_map.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::tasks::run {
namespace {

constexpr int kFailed = 1;
constexpr int kNotStarted = 125;

Result<int> DockerRun(RunSpace& space, const Invocation& invocation,
                      Words words, std::stop_token stop) {
  return RunContainer(space, invocation, words, nullptr, stop);
}

Result<int> DockerBuild(RunSpace& space, const Invocation& invocation,
                        Words words, std::stop_token stop) {
  return BuildImage(space, invocation, words, nullptr, stop);
}

// What is built by is built in: there is nothing to make, choose or remove.
Result<int> DockerBuildx(RunSpace& space, const Invocation& invocation,
                         Words words, std::stop_token stop) {
  constexpr std::array<std::string_view, 7> kOfBuilders = {
      "create", "use", "inspect", "ls", "rm", "stop", "install"};
  const std::string command = words.empty() ? "" : words.front();
  if (command == "build" || command == "b") {
    return BuildImage(space, invocation, words.subspan(1), nullptr, stop);
  }
  if (command == "version") {
    invocation.streams.Out("strake, built in\n");
    return 0;
  }
  if (std::ranges::find(kOfBuilders, command) != kOfBuilders.end()) {
    invocation.streams.Out("strake\n");
    return 0;
  }
  return Unsupported("docker buildx " + command +
                     ": only build, create, use, inspect, ls, rm and version "
                     "are built in");
}

Result<int> DockerVersion(RunSpace&, const Invocation& invocation, Words,
                          std::stop_token) {
  invocation.streams.Out(
      "Client: strake, built in\n"
      "Server: none; images are built and containers run by strake itself\n");
  return 0;
}

struct Entry {
  std::string_view name;  // one or two words
  DockerCommand run = nullptr;
};

constexpr std::array kCommands = {
    Entry{"build", DockerBuild},
    Entry{"builder build", DockerBuild},
    Entry{"buildx", DockerBuildx},
    Entry{"container logs", DockerLogs},
    Entry{"container ls", DockerList},
    Entry{"container rm", DockerRemove},
    Entry{"container run", DockerRun},
    Entry{"container stop", DockerStop},
    Entry{"container wait", DockerWait},
    Entry{"image build", DockerBuild},
    Entry{"image inspect", DockerInspect},
    Entry{"image ls", DockerImages},
    Entry{"image pull", DockerPull},
    Entry{"image push", DockerPush},
    Entry{"image rm", DockerRemoveImage},
    Entry{"image tag", DockerTag},
    Entry{"images", DockerImages},
    Entry{"info", DockerVersion},
    Entry{"inspect", DockerInspect},
    Entry{"kill", DockerStop},
    Entry{"login", DockerLogin},
    Entry{"logout", DockerLogout},
    Entry{"logs", DockerLogs},
    Entry{"manifest", DockerManifest},
    Entry{"ps", DockerList},
    Entry{"pull", DockerPull},
    Entry{"push", DockerPush},
    Entry{"rm", DockerRemove},
    Entry{"rmi", DockerRemoveImage},
    Entry{"run", DockerRun},
    Entry{"stop", DockerStop},
    Entry{"tag", DockerTag},
    Entry{"version", DockerVersion},
    Entry{"wait", DockerWait},
};

struct Found {
  DockerCommand run = nullptr;
  size_t words = 0;
};

Found FindCommand(const std::vector<std::string>& words) {
  for (size_t count : {size_t{2}, size_t{1}}) {
    if (words.size() < count) continue;
    std::string name = words[0];
    if (count == 2) name += " " + words[1];
    auto it = std::ranges::find(kCommands, name, &Entry::name);
    if (it != kCommands.end()) return {it->run, count};
  }
  return {};
}

Error UnknownCommand(const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const Entry& entry : kCommands) names.emplace_back(entry.name);
  const std::string word = words.empty() ? "" : words.front();
  if (word.empty()) return InvalidArgument("docker: a command is missing");
  return Unsupported("docker " + word + ": not built in" +
                     DidYouMean(word, names) +
                     "; there are: " + Join(names, ", "));
}

}  // namespace

Result<int> RunDocker(RunSpace& space, const Invocation& invocation,
                      std::stop_token stop) {
  std::vector<std::string> words = invocation.words;
  // Options before the command are about engines and their sockets; but
  // `--version` is a question.
  if (!words.empty() && (words[0] == "--version" || words[0] == "-v")) {
    words = {"version"};
  }
  const Found found = FindCommand(words);
  auto result = found.run == nullptr
                    ? Result<int>(UnknownCommand(words))
                    : found.run(space, invocation,
                                Words(words).subspan(found.words), stop);
  if (result) return *result;
  if (stop.stop_requested()) return Cancelled("docker was interrupted");
  const Error& error = result.error();
  invocation.streams.Err(space.log.Mask(AsStepsSee(space, error.message())) +
                         "\n");
  const bool is_run = found.run == DockerRun;
  return is_run ? kNotStarted : kFailed;
}

Result<int> RunStepContainer(RunSpace& space, const Invocation& invocation,
                             std::stop_token stop) {
  return RunContainer(space, invocation, invocation.words,
                      &space.steps[invocation.step], stop);
}

Result<int> RunStepBuild(RunSpace& space, const Invocation& invocation,
                         std::stop_token stop) {
  return BuildImage(space, invocation, invocation.words,
                    &space.steps[invocation.step], stop);
}

}  // namespace strake::tasks::run
