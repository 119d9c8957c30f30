// What the program finds around it: environment variables, the user, which
// streams are terminals. Looked at once, at the start of `main`; everything
// below the command line gets values.

#ifndef STRAKE_CLI_ENVIRONMENT_H_
#define STRAKE_CLI_ENVIRONMENT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/client.h"
#include "util/result.h"

namespace strake::cli {

struct Environment {
  std::map<std::string, std::string, std::less<>> variables;
  // Before any user namespace was entered: in one, everybody is 0.
  uint32_t user_id = 0;
  std::string home;  // $HOME, else that of the password file; may be empty
  bool stdin_is_terminal = false;
  bool stdout_is_terminal = false;
  bool stderr_is_terminal = false;

  // The variable, or nothing where it is unset or (as is common) empty.
  std::optional<std::string> Get(std::string_view name) const;
};

// Of this process, as it is now.
Environment ReadEnvironment();

// $STRAKE_HOME, else /var/lib/strake for root, else
// $XDG_DATA_HOME/strake or ~/.local/share/strake. `kNotFound` where a plain
// user has neither of these.
Result<std::string> StoreDirectory(const Environment& environment);

// Docker's config.json: $REGISTRY_AUTH_FILE, else
// $DOCKER_CONFIG/config.json, else ~/.docker/config.json. It need not exist.
Result<std::string> DockerConfigPath(const Environment& environment);

// $SOURCE_DATE_EPOCH, in seconds; nothing where it is unset.
Result<std::optional<int64_t>> SourceDateEpoch(const Environment& environment);

// How to talk to registries: credentials from `DockerConfigPath`, proxies
// from $HTTP_PROXY, $HTTPS_PROXY and $NO_PROXY in either case, authorities from
// $SSL_CERT_FILE.
Result<registry::ClientOptions> RegistryOptions(
    const Environment& environment,
    const std::vector<std::string>& insecure_registries);

}  // namespace strake::cli

#endif  // STRAKE_CLI_ENVIRONMENT_H_
