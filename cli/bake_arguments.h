// A target of a bake file as the words that `strake build` would be given, so
// that every value means what it means there.

#ifndef STRAKE_CLI_BAKE_ARGUMENTS_H_
#define STRAKE_CLI_BAKE_ARGUMENTS_H_

#include <string>
#include <vector>

#include "builder/bake/target.h"
#include "util/result.h"

namespace strake::cli {

// Options, and the context as the last word. Left out are contexts that are
// other targets, and an inline Dockerfile. `kUnsupported`: an `ssh` of several
// sockets, for which `strake build` has no words.
Result<std::vector<std::string>> BuildArguments(
    const builder::bake::Target& target);

}  // namespace strake::cli

#endif  // STRAKE_CLI_BAKE_ARGUMENTS_H_
