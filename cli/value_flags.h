// The values of options, read as docker buildx reads them. Errors name the
// option. Whoever names a file, folder or socket is told at once if it is not
// there.

#ifndef STRAKE_CLI_VALUE_FLAGS_H_
#define STRAKE_CLI_VALUE_FLAGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/build.h"
#include "builder/containers.h"
#include "cli/environment.h"
#include "cli/option_set.h"
#include "oci/platform.h"
#include "util/result.h"

namespace strake::cli {

// `--build-arg NAME=VALUE`, or NAME: the value is that of the environment
// variable, nothing where there is none.
Result<std::optional<std::pair<std::string, std::string>>> ParseBuildArg(
    std::string_view text, const Environment& environment);

// `--env NAME=VALUE` of `run`, or NAME, likewise.
Result<std::optional<std::pair<std::string, std::string>>> ParseEnv(
    std::string_view text, const Environment& environment);

// `--label NAME=VALUE`, or NAME: an empty value.
Result<std::pair<std::string, std::string>> ParseLabel(std::string_view text);

// `--add-host NAME:IP` or NAME=IP; IPv6 also in brackets.
Result<std::pair<std::string, std::string>> ParseExtraHost(
    std::string_view text);

// `--network`, with docker's "default" for the host's.
Result<builder::NetworkMode> ParseNetwork(std::string_view text);

// Where `--secret` finds its value.
struct SecretSpec {
  std::string id;
  std::string file;      // either this
  std::string variable;  // or that
};
// `--secret id=ID[,src=FILE|,env=VARIABLE][,type=file|env]`; with an ID alone
// the environment variable of that name, else the file.
Result<SecretSpec> ParseSecret(std::string_view text,
                               const Environment& environment);
// At most 500 kB, as in BuildKit. Errors never hold the value.
Result<builder::SecretSource> LoadSecret(const SecretSpec& spec,
                                         const Environment& environment);

// `--ssh ID[=SOCKET]`, by default $SSH_AUTH_SOCK: ID and the socket's path.
Result<std::pair<std::string, std::string>> ParseSsh(
    std::string_view text, const Environment& environment);

// `--build-context NAME=CONTEXT`.
Result<std::pair<std::string, std::string>> ParseNamedContext(
    std::string_view text);

// `--platform`: one, or several with commas between them.
Result<oci::Platform> ParseOnePlatform(std::string_view text);
Result<std::vector<oci::Platform>> ParsePlatforms(std::string_view text);

// `-v SOURCE:TARGET[:ro|rw]` of `run`; SOURCE is made absolute.
Result<builder::ContainerSpec::Bind> ParseBind(std::string_view text);

// `--listen HOST:PORT` of `registry serve`; IPv6 in brackets.
struct ListenAddress {
  std::string host;
  uint16_t port = 0;
};
Result<ListenAddress> ParseListenAddress(std::string_view text);

// `--isolation`: its looks, and its value; not given (empty):
// $STRAKE_ISOLATION, else "auto".
ValueStyle IsolationStyle();
Result<std::string> ParseIsolation(const std::string& text,
                                   const Environment& environment);

// A number of `option`, 0 to `max`.
Result<int> ParseCount(std::string_view option, std::string_view text, int max);

}  // namespace strake::cli

#endif  // STRAKE_CLI_VALUE_FLAGS_H_
