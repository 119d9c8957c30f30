// `docker login` and `logout`: for the rest of the run, and for programs of
// steps that read ~/.docker/config.json.

#include <array>
#include <filesystem>
#include <utility>

#include "registry/client.h"
#include "registry/credentials.h"
#include "registry/endpoint.h"
#include "tasks/run/docker_commands.h"
#include "tasks/run/flags.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::tasks::run {
namespace {

using Takes = Flag::Takes;

constexpr uint64_t kMostPasswordBytes = uint64_t{1} << 20;
constexpr std::array kLoginFlags = {
    Flag{"password", 'p'},
    Flag{"password-stdin", 0, Takes::kNothing},
    Flag{"username", 'u'},
};

Result<std::string> ReadPassword(const ParsedFlags& flags,
                                 const Streams& streams) {
  if (!flags.On("password-stdin")) return flags.Last("password");
  if (streams.stdin_fd < 0) {
    return InvalidArgument(
        "docker login: --password-stdin: there is no standard input; write "
        "`cmd: bash -c 'echo ... | docker login --password-stdin ...'`");
  }
  FdSource source(streams.stdin_fd);
  auto text = ReadAll(source, kMostPasswordBytes);
  if (!text) return std::move(text).error().Wrap("docker login: password");
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  return text;
}

std::string RegistryArgument(const RunSpace& space,
                             const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return registry::CanonicalRegistry(arguments[0]);
  if (!space.settings.run_registry.empty()) return space.settings.run_registry;
  return registry::CanonicalRegistry("docker.io");
}

std::string ConfigPath(const RunSpace& space) {
  return space.folder.home() + "/.docker/config.json";
}

}  // namespace

Result<int> DockerLogin(RunSpace& space, const Invocation& invocation,
                        Words words, std::stop_token stop) {
  ASSIGN_OR_RETURN(ParsedFlags flags, ParseFlags("docker login", kLoginFlags,
                                                 FlagsEnd::kNever, words));
  registry::Credential credential;
  credential.username = flags.Last("username");
  ASSIGN_OR_RETURN(credential.password,
                   ReadPassword(flags, invocation.streams));
  if (credential.username.empty() || credential.password.empty()) {
    return InvalidArgument(
        "docker login: give --username and --password-stdin: nobody can be "
        "asked here");
  }
  const std::string registry = RegistryArgument(space, flags.arguments());
  RETURN_IF_ERROR(registry::Client(space.RegistryOptions())
                      .CheckLogin(registry, credential, stop));
  space.registry.lock()->credentials.Set(registry, credential);
  space.has_logins = true;
  std::error_code ignored;
  std::filesystem::create_directories(space.folder.home() + "/.docker",
                                      ignored);
  RETURN_IF_ERROR(
      registry::StoreLogin(ConfigPath(space), registry, credential));
  invocation.streams.Out("Login Succeeded\n");
  return 0;
}

Result<int> DockerLogout(RunSpace& space, const Invocation& invocation,
                         Words words, std::stop_token) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseFlags("docker logout", {}, FlagsEnd::kNever, words));
  const std::string registry = RegistryArgument(space, flags.arguments());
  space.registry.lock()->credentials.Set(registry, {});
  RETURN_IF_ERROR(registry::EraseLogin(ConfigPath(space), registry));
  invocation.streams.Out("Removing login credentials for " + registry + "\n");
  return 0;
}

}  // namespace strake::tasks::run
