#include "tasks/run/run_line.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tasks/run/container_request.h"
#include "tasks/run/docker_socket.h"
#include "tasks/run/path_map.h"
#include "tasks/run/words.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::run {
namespace {

std::string_view LineOf(const file::Step& step) {
  return Trim(step.kind == file::StepKind::kBuild ? step.build : step.cmd);
}

bool NeedsShell(const std::string& property) {
  return !property.empty() && !PlainWords(property);
}

// Flags for those properties that hold something for a shell; all others are
// read without one.
std::string FlagsForShell(const file::Step& step) {
  std::string flags;
  auto add = [&](std::string_view flag, const std::string& value) {
    if (NeedsShell(value)) flags += " " + std::string(flag) + " " + value;
  };
  if (step.kind != file::StepKind::kCmd) return flags;
  for (const std::string& entry : step.env) add("--env", entry);
  add("--entrypoint", step.entry_point);
  add("--user", step.user);
  add("--workdir", step.working_directory);
  for (const std::string& port : step.ports) add("--publish", port);
  return flags;
}

Result<int> Dispatch(RunSpace& space, const Invocation& invocation,
                     std::stop_token stop) {
  const bool build =
      space.steps[invocation.step].kind == file::StepKind::kBuild;
  return build ? RunStepBuild(space, invocation, std::move(stop))
               : RunStepContainer(space, invocation, std::move(stop));
}

std::vector<std::string> VariablesOf(const file::Step& step) {
  std::vector<std::string> variables;
  for (const std::string& entry : step.env) {
    variables.push_back(UnquotedProperty(entry));
  }
  return variables;
}

// `build` steps run in the folder of the step; `cmd` lines in the workspace,
// as the engine's shell does.
std::string DirectoryOf(const file::Step& step) {
  const bool own = step.kind == file::StepKind::kBuild &&
                   !step.disable_working_directory_override;
  return AbsolutePath(kWorkspace,
                      own ? UnquotedProperty(step.working_directory) : "");
}

Result<int> RunInShell(RunSpace& space, const Invocation& invocation,
                       const std::string& line, std::stop_token stop) {
  ASSIGN_OR_RETURN(builder::Containers * containers, space.containers.Get());
  builder::ContainerSpec spec = HostToolsSpec(space, invocation);
  spec.working_dir = invocation.directory;
  spec.args = {"/bin/sh", "-c", line};
  spec.on_output = invocation.streams.on_output;
  ASSIGN_OR_RETURN(builder::ContainerEnd end,
                   containers->Run(spec, std::move(stop)));
  return end.ShellCode();
}

}  // namespace

Result<int> RunLine(RunSpace& space, size_t index,
                    const std::function<void(int, std::string_view)>& output,
                    std::stop_token stop) {
  const file::Step& step = space.steps[index];
  Invocation invocation;
  invocation.step = index;
  invocation.directory = DirectoryOf(step);
  invocation.env = VariablesOf(step);
  invocation.streams.on_output = output;
  const std::string_view line = LineOf(step);
  const std::string flags = FlagsForShell(step);
  auto words = PlainWords(line);
  if (words && flags.empty()) {
    invocation.words = *std::move(words);
    return Dispatch(space, invocation, std::move(stop));
  }
  const std::string whole =
      "docker " + std::string(kStepWord) + flags + " " + std::string(line);
  return RunInShell(space, invocation, whole, std::move(stop));
}

Result<int> AnswerDocker(RunSpace& space, const Invocation& asked,
                         std::stop_token stop) {
  Invocation invocation = asked;
  auto token = std::ranges::find(space.tokens, invocation.token);
  if (token == space.tokens.end()) {
    return InvalidArgument("docker: no step of this run asks");
  }
  invocation.step = static_cast<size_t>(token - space.tokens.begin());
  std::vector<std::string>& words = invocation.words;
  if (words.empty() || words[0] != kStepWord) {
    return RunDocker(space, invocation, std::move(stop));
  }
  words.erase(words.begin());
  // What the shell itself is given is not for the step.
  std::erase_if(invocation.env, [](const std::string& entry) {
    return entry.starts_with("STRAKE_DOCKER_");
  });
  const auto own = VariablesOf(space.steps[invocation.step]);
  invocation.env.insert(invocation.env.begin(), own.begin(), own.end());
  return Dispatch(space, invocation, std::move(stop));
}

}  // namespace strake::tasks::run
