// `docker run`, and what follows it in a `cmd` step.

#include <algorithm>
#include <array>
#include <utility>

#include "builder/images.h"
#include "tasks/run/container_request.h"
#include "tasks/run/docker_commands.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::run {
namespace {

// Images whose programs this machine has: what ACR's agents bring along.
enum class BuiltIn { kNone, kDocker, kBash, kCurl };

BuiltIn WhichBuiltIn(std::string_view image) {
  const size_t colon = image.rfind(':');
  const size_t slash = image.rfind('/');
  const bool tagged = colon != std::string_view::npos &&
                      (slash == std::string_view::npos || colon > slash);
  const std::string_view name = tagged ? image.substr(0, colon) : image;
  if (name == "docker") return BuiltIn::kDocker;
  if (name == "bash" || name == "mcr.microsoft.com/acr/bash") {
    return BuiltIn::kBash;
  }
  if (name == "curl" || name == "mcr.microsoft.com/acr/curl") {
    return BuiltIn::kCurl;
  }
  return BuiltIn::kNone;
}

// The image that the store has under this name comes first.
bool IsStored(RunSpace& space, const std::string& image, std::stop_token stop) {
  auto containers = space.containers.Get();
  return containers && (*containers)
                           ->Image(image, builder::PullPolicy::kNever,
                                   space.settings.platform, std::move(stop))
                           .has_value();
}

// Puts the machine's own programs in the place of the image.
//   entry  what the image would start its arguments with
void UseHostTools(const RunSpace& space, const Invocation& invocation,
                  BuiltIn which, builder::ContainerSpec& spec) {
  builder::ContainerSpec host = HostToolsSpec(space, invocation);
  spec.host_tools = true;
  spec.image.clear();
  for (auto& bind : host.binds) {
    const bool there = std::ranges::any_of(
        spec.binds, [&](const auto& own) { return own.target == bind.target; });
    if (!there) spec.binds.push_back(std::move(bind));
  }
  host.env.insert(host.env.end(), spec.env.begin(), spec.env.end());
  spec.env = std::move(host.env);
  if (spec.working_dir.empty()) spec.working_dir = host.working_dir;
  std::vector<std::string> argv;
  if (spec.entrypoint) {
    argv = *std::exchange(spec.entrypoint, std::nullopt);
  } else if (which == BuiltIn::kCurl) {
    argv = {"curl"};
  } else if (spec.args.empty() || spec.args.front().starts_with('-')) {
    argv = {"bash"};
  }
  argv.insert(argv.end(), spec.args.begin(), spec.args.end());
  spec.args = std::move(argv);
}

// The containers know the logins that the run began with; these are all.
Status PullWithLogins(RunSpace& space, const std::string& image,
                      std::stop_token stop) {
  builder::TransferOptions transfer;
  transfer.store_directory = space.settings.store_directory;
  transfer.registry = space.RegistryOptions();
  transfer.platform = space.settings.platform;
  transfer.stop = std::move(stop);
  auto pulled = builder::PullImage(image, transfer);
  if (!pulled) return std::move(pulled).error();
  return {};
}

void SayNotExecuted(const RunSpace& space, const Invocation& invocation,
                    const std::string& why) {
  invocation.streams.Err(space.log.Mask("docker run: " + why) + "\n");
}

Result<int> RunDetached(RunSpace& space, const Invocation& invocation,
                        ContainerRequest request, std::stop_token stop) {
  ASSIGN_OR_RETURN(std::string id, space.table.Start(std::move(request), stop));
  invocation.streams.Out(id + "\n");
  const auto info = space.table.Find(id);
  if (!info || info->error.empty()) return 0;
  SayNotExecuted(space, invocation, info->error);
  return info->exit_code;
}

}  // namespace

Result<int> RunContainer(RunSpace& space, const Invocation& invocation,
                         Words words, const file::Step* step,
                         std::stop_token stop) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseRunFlags({words.begin(), words.end()}));
  ASSIGN_OR_RETURN(RunRequest request,
                   MakeRunRequest(space, flags, invocation, step));
  for (const std::string& note : request.notes) {
    invocation.streams.Err("docker run: " + note + "\n");
  }
  builder::ContainerSpec& spec = request.container.spec;
  const BuiltIn which = WhichBuiltIn(spec.image);
  if (which == BuiltIn::kDocker && !spec.entrypoint) {
    Invocation docker = invocation;
    docker.words = spec.args;
    docker.env.insert(docker.env.end(), spec.env.begin(), spec.env.end());
    if (!spec.working_dir.empty()) docker.directory = spec.working_dir;
    return RunDocker(space, docker, stop);
  }
  if (which != BuiltIn::kNone && !IsStored(space, spec.image, stop)) {
    request.container.image = spec.image;
    UseHostTools(space, invocation, which, spec);
  }
  if (space.has_logins && !spec.host_tools &&
      spec.pull == builder::PullPolicy::kMissing &&
      !IsStored(space, spec.image, stop)) {
    RETURN_IF_ERROR(PullWithLogins(space, spec.image, stop));
  }
  if (request.detach) {
    return RunDetached(space, invocation, std::move(request.container), stop);
  }
  ASSIGN_OR_RETURN(builder::ContainerEnd end,
                   space.table.Run(std::move(request.container), stop));
  if (!end.not_executed.empty()) {
    SayNotExecuted(space, invocation, end.not_executed);
  }
  return end.ShellCode();
}

}  // namespace strake::tasks::run
