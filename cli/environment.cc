#include "cli/environment.h"

#include <pwd.h>
#include <unistd.h>

#include <utility>

#include "registry/credentials.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

// The lower-case form first, as curl has it: $HTTP_PROXY alone may have been
// set by a CGI request's "Proxy:" header.
std::string AnyCase(const Environment& environment, std::string_view name) {
  if (auto value = environment.Get(ToLower(name))) return *value;
  return environment.Get(name).value_or("");
}

}  // namespace

std::optional<std::string> Environment::Get(std::string_view name) const {
  auto found = variables.find(name);
  if (found == variables.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

Environment ReadEnvironment() {
  Environment result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (auto pair = SplitOnce(*entry, '=')) {
      result.variables.emplace(pair->first, pair->second);
    }
  }
  result.user_id = geteuid();
  if (auto home = result.Get("HOME")) {
    result.home = *home;
  } else if (const passwd* user = getpwuid(result.user_id)) {
    result.home = user->pw_dir;
  }
  result.stdin_is_terminal = isatty(STDIN_FILENO) == 1;
  result.stdout_is_terminal = isatty(STDOUT_FILENO) == 1;
  result.stderr_is_terminal = isatty(STDERR_FILENO) == 1;
  return result;
}

Result<std::string> StoreDirectory(const Environment& environment) {
  if (auto directory = environment.Get("STRAKE_HOME")) return *directory;
  if (environment.user_id == 0) return std::string("/var/lib/strake");
  // The XDG specification: a relative path there is to be ignored.
  auto data = environment.Get("XDG_DATA_HOME");
  if (data && data->starts_with('/')) return *data + "/strake";
  if (!environment.home.empty()) {
    return environment.home + "/.local/share/strake";
  }
  return NotFound(
      "no place for the store: set STRAKE_HOME to a folder (neither "
      "XDG_DATA_HOME nor HOME is set, and user " +
      std::to_string(environment.user_id) + " has no home directory)");
}

Result<std::string> DockerConfigPath(const Environment& environment) {
  if (auto file = environment.Get("REGISTRY_AUTH_FILE")) return *file;
  if (auto folder = environment.Get("DOCKER_CONFIG")) {
    return *folder + "/config.json";
  }
  if (!environment.home.empty()) {
    return environment.home + "/.docker/config.json";
  }
  return NotFound(
      "no place for registry logins: set DOCKER_CONFIG to a folder (HOME is "
      "not set, and user " +
      std::to_string(environment.user_id) + " has no home directory)");
}

Result<std::optional<int64_t>> SourceDateEpoch(const Environment& environment) {
  auto text = environment.Get("SOURCE_DATE_EPOCH");
  if (!text) return std::optional<int64_t>();
  auto seconds = ParseInt(*text);
  if (!seconds || *seconds < 0) {
    return InvalidArgument("SOURCE_DATE_EPOCH=" + *text +
                           ": expected seconds since 1970");
  }
  return std::optional<int64_t>(*seconds);
}

Result<registry::ClientOptions> RegistryOptions(
    const Environment& environment,
    const std::vector<std::string>& insecure_registries) {
  registry::ClientOptions options;
  // Who has no home directory has no logins either.
  if (auto path = DockerConfigPath(environment)) {
    ASSIGN_OR_RETURN(options.credentials, registry::LoadDockerConfig(*path));
  }
  options.insecure_registries = insecure_registries;
  options.user_agent = "strake/" STRAKE_VERSION;
  options.ca_file = environment.Get("SSL_CERT_FILE").value_or("");
  options.proxy.http = AnyCase(environment, "HTTP_PROXY");
  options.proxy.https = AnyCase(environment, "HTTPS_PROXY");
  options.proxy.no_proxy = AnyCase(environment, "NO_PROXY");
  return options;
}

}  // namespace strake::cli
