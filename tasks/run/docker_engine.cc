#include "tasks/run/docker_engine.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "tasks/run/docker_commands.h"
#include "tasks/run/flags.h"
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

// What a run leaves goes with it, and the store is not the run's.
Result<int> DockerPrune(RunSpace&, const Invocation& invocation, Words,
                        std::stop_token) {
  invocation.streams.Out(
      "Nothing to do: containers end with the run; `strake cache prune` is for "
      "the store\nTotal reclaimed space: 0B\n");
  return 0;
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
  if (command == "imagetools") {
    return DockerImageTools(space, invocation, words.subspan(1), stop);
  }
  if (command == "prune") return DockerPrune(space, invocation, {}, stop);
  if (command == "version") {
    invocation.streams.Out("strake, built in\n");
    return 0;
  }
  if (std::ranges::find(kOfBuilders, command) != kOfBuilders.end()) {
    invocation.streams.Out("strake\n");
    return 0;
  }
  return Unsupported("docker buildx " + command +
                     ": only build, create, imagetools, inspect, ls, prune, "
                     "rm, use and version are built in");
}

Result<int> DockerVersion(RunSpace&, const Invocation& invocation, Words,
                          std::stop_token) {
  invocation.streams.Out(
      "Client: strake, built in\n"
      "Server: none; images are built and containers run by strake itself\n");
  return 0;
}

Result<int> DockerExec(RunSpace&, const Invocation&, Words, std::stop_token) {
  return Unsupported(
      "docker exec: nothing can be started in a container that runs; make it "
      "part of its command, or share a folder or the network with another: "
      "docker run -v NAME:/PATH ...");
}

struct Entry {
  std::string_view name;  // one or two words
  DockerCommand run = nullptr;
};

constexpr std::array kCommands = {
    Entry{"build", DockerBuild},
    Entry{"builder build", DockerBuild},
    Entry{"builder prune", DockerPrune},
    Entry{"buildx", DockerBuildx},
    Entry{"container exec", DockerExec},
    Entry{"container inspect", DockerInspect},
    Entry{"container kill", DockerStop},
    Entry{"container logs", DockerLogs},
    Entry{"container ls", DockerList},
    Entry{"container prune", DockerPrune},
    Entry{"container rm", DockerRemove},
    Entry{"container run", DockerRun},
    Entry{"container stop", DockerStop},
    Entry{"container wait", DockerWait},
    Entry{"exec", DockerExec},
    Entry{"image build", DockerBuild},
    Entry{"image inspect", DockerInspect},
    Entry{"image load", DockerLoad},
    Entry{"image ls", DockerImages},
    Entry{"image prune", DockerPrune},
    Entry{"image pull", DockerPull},
    Entry{"image push", DockerPush},
    Entry{"image rm", DockerRemoveImage},
    Entry{"image save", DockerSave},
    Entry{"image tag", DockerTag},
    Entry{"images", DockerImages},
    Entry{"info", DockerVersion},
    Entry{"inspect", DockerInspect},
    Entry{"kill", DockerStop},
    Entry{"load", DockerLoad},
    Entry{"login", DockerLogin},
    Entry{"logout", DockerLogout},
    Entry{"logs", DockerLogs},
    Entry{"manifest", DockerManifest},
    Entry{"network", DockerNetwork},
    Entry{"ps", DockerList},
    Entry{"pull", DockerPull},
    Entry{"push", DockerPush},
    Entry{"rm", DockerRemove},
    Entry{"rmi", DockerRemoveImage},
    Entry{"run", DockerRun},
    Entry{"save", DockerSave},
    Entry{"stop", DockerStop},
    Entry{"system prune", DockerPrune},
    Entry{"tag", DockerTag},
    Entry{"version", DockerVersion},
    Entry{"volume prune", DockerPrune},
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

constexpr std::string_view kList =
    "docs/task-runs.md lists the commands that are";

Error UnknownCommand(const std::vector<std::string>& words) {
  if (words.empty()) {
    return InvalidArgument("docker: a command is missing; " +
                           std::string(kList));
  }
  const std::string& word = words.front();
  std::vector<std::string> names;
  std::vector<std::string> members;  // of the group that `word` is
  for (const Entry& entry : kCommands) {
    names.emplace_back(entry.name);
    if (entry.name.starts_with(word + " ")) members.push_back(names.back());
  }
  if (!members.empty()) {
    const std::string two = words.size() > 1 ? word + " " + words[1] : word;
    return Unsupported("docker " + two + ": not built in" +
                       DidYouMean(two, members) +
                       "; there are: " + Join(members, ", "));
  }
  return Unsupported("docker " + word + ": not built in" +
                     DidYouMean(word, names) + "; " + std::string(kList));
}

constexpr std::string_view kNoServer =
    "there is no engine to talk to: docker is built in";

// Before the command.
constexpr std::array kGlobalFlags = {
    Flag{"config"},
    Flag{"context", 'c', Flag::Takes::kRefusedValue, kNoServer},
    Flag{"debug", 'D', Flag::Takes::kNothing},
    Flag{"host", 'H', Flag::Takes::kRefusedValue, kNoServer},
    Flag{"log-level", 'l'},
    Flag{"tls", 0, Flag::Takes::kRefused, kNoServer},
    Flag{"tlscacert", 0, Flag::Takes::kRefusedValue, kNoServer},
    Flag{"tlscert", 0, Flag::Takes::kRefusedValue, kNoServer},
    Flag{"tlskey", 0, Flag::Takes::kRefusedValue, kNoServer},
    Flag{"tlsverify", 0, Flag::Takes::kRefused, kNoServer},
    Flag{"version", 'v', Flag::Takes::kNothing},
};

// The command and what follows it.
Result<std::vector<std::string>> CommandWords(const Invocation& invocation) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseFlags("docker", kGlobalFlags, FlagsEnd::kAtArgument,
                              invocation.words));
  if (flags.On("version")) return std::vector<std::string>{"version"};
  if (flags.Has("config")) {
    invocation.streams.Err("docker: --config " + flags.Last("config") +
                           ": not read; logins are those of the run\n");
  }
  return flags.arguments();
}

}  // namespace

Result<int> RunDocker(RunSpace& space, const Invocation& invocation,
                      std::stop_token stop) {
  Found found;
  const auto result = [&]() -> Result<int> {
    ASSIGN_OR_RETURN(const std::vector<std::string> words,
                     CommandWords(invocation));
    found = FindCommand(words);
    if (found.run == nullptr) return UnknownCommand(words);
    return found.run(space, invocation, Words(words).subspan(found.words),
                     stop);
  }();
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
