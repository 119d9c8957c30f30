// Reads bake files and compose files. Pure: text in, values out.

#ifndef STRAKE_BUILDER_BAKE_BAKE_FILE_H_
#define STRAKE_BUILDER_BAKE_BAKE_FILE_H_

#include <string>
#include <string_view>

#include "builder/bake/interpolate.h"
#include "builder/bake/target.h"
#include "util/result.h"

namespace strake::builder::bake {

// A `docker-bake.json`, written by hand (variables, groups, matrix, inherits)
// or by `docker buildx bake --print`.
//   file    its name, for messages
//   lookup  the environment, which beats the variables' defaults
// `kInvalidArgument` names file and line of an unknown key or a wrong value;
// `kUnsupported` of an expression that is more than a variable.
Result<BakeFile> ParseBakeJson(std::string_view text, const std::string& file,
                               const Lookup& lookup);

// The `build:` sections of a compose file; one target for each service that has
// one, all of them in the group "default".
//   folder  where the file is: what its paths are relative to; "" or ending in
//           "/"
//   lookup  the environment and what `.env` adds to it
// Errors as above. Keys that have nothing to do with building are passed over.
Result<BakeFile> ParseCompose(std::string_view text, const std::string& file,
                              const std::string& folder, const Lookup& lookup);

// The variables of a `.env` file: NAME=VALUE, `export`, comments, quotes.
std::map<std::string, std::string> ParseEnvFile(std::string_view text);

}  // namespace strake::builder::bake

#endif  // STRAKE_BUILDER_BAKE_BAKE_FILE_H_
