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

// "NAME=value" of what git needs to fetch sources: PATH, HOME, proxies.
std::vector<std::string> GitEnvironment(const Environment& environment);

// Docker's config.json: $REGISTRY_AUTH_FILE, else
// $DOCKER_CONFIG/config.json, else ~/.docker/config.json. It need not exist.
Result<std::string> DockerConfigPath(const Environment& environment);

// Where logins are looked for, in this order; none need exist. That of
// `DockerConfigPath`, and, unless $REGISTRY_AUTH_FILE names the only one,
// podman's: $XDG_RUNTIME_DIR/containers/auth.json and
// $XDG_CONFIG_HOME/containers/auth.json (~/.config).
std::vector<std::string> LoginFiles(const Environment& environment);

// The `certs.d` folders of podman and docker, the user's before the machine's.
std::vector<std::string> CertificateFolders(const Environment& environment);

// $CONTAINERS_REGISTRIES_CONF, which must exist; else
// $XDG_CONFIG_HOME/containers/registries.conf (~/.config), else
// /etc/containers/registries.conf, and over it the files in registries.conf.d
// beside both, the machine's first.
Result<registry::RegistriesConfig> ReadRegistriesConfig(
    const Environment& environment);

// The limits of strake's own files: /etc/strake/registries.toml, and over it
// $XDG_CONFIG_HOME/strake/registries.toml (~/.config). Neither need exist.
Result<registry::TrafficLimits> ReadTrafficLimits(
    const Environment& environment);

// $SOURCE_DATE_EPOCH, in seconds; nothing where it is unset.
Result<std::optional<int64_t>> SourceDateEpoch(const Environment& environment);

// What a command's options say of registries (`DeclareRegistry`).
struct RegistryFlags {
  std::vector<std::string> insecure_registries = {};
  std::vector<std::string> ca_files = {};
  std::string client_certificate_file = {};
  std::string client_key_file = {};
  std::string limit_rate = {};  // "10MB"; empty: none
  friend bool operator==(const RegistryFlags&, const RegistryFlags&) = default;
};

// How to talk to registries: credentials from $DOCKER_AUTH_CONFIG (a
// config.json in the variable itself), then from `LoginFiles`; proxies from
// $HTTP_PROXY, $HTTPS_PROXY and $NO_PROXY in either case; authorities from
// $SSL_CERT_FILE; certificates from `CertificateFolders`; mirrors from
// `ReadRegistriesConfig`; limits from `ReadTrafficLimits` and --limit-rate,
// kept together by all clients that have a copy; logins to clouds from all
// variables. `kNotFound` where a file that an option names is missing.
Result<registry::ClientOptions> RegistryOptions(const Environment& environment,
                                                const RegistryFlags& flags);

}  // namespace strake::cli

#endif  // STRAKE_CLI_ENVIRONMENT_H_
