// The values of options of `run`, read as docker reads them. Errors name the
// option.

#ifndef STRAKE_CLI_CONTAINER_FLAGS_H_
#define STRAKE_CLI_CONTAINER_FLAGS_H_

#include <string>
#include <string_view>
#include <vector>

#include "builder/containers.h"
#include "cli/environment.h"
#include "util/result.h"

namespace strake::cli {

// `--mount type=bind,source=PATH,target=PATH[,readonly]` or
// `type=tmpfs,target=PATH[,tmpfs-size=SIZE]`, added to `spec`.
Status AddMount(std::string_view text, builder::ContainerSpec& spec);

// The lines of `--env-file PATH`: "NAME=value", or NAME, whose value is that
// of the environment variable, if it is set. "#" begins a comment.
Result<std::vector<std::string>> ReadEnvFile(const std::string& path,
                                             const Environment& environment);

// `--network` of `run`.
Status SetNetwork(std::string_view text, builder::ContainersOptions& options,
                  builder::ContainerSpec& spec);

}  // namespace strake::cli

#endif  // STRAKE_CLI_CONTAINER_FLAGS_H_
