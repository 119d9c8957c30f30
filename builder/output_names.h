// The outputs of a build as its options mean them together: with the build's
// tags, and with normal names.

#ifndef STRAKE_BUILDER_OUTPUT_NAMES_H_
#define STRAKE_BUILDER_OUTPUT_NAMES_H_

#include <string>
#include <vector>

#include "builder/build.h"
#include "builder/output.h"
#include "registry/client.h"
#include "util/result.h"

namespace strake::builder {

// References with registry and tag. `kInvalidArgument`: no reference, or one
// with a digest.
Result<std::vector<std::string>> NormalizeNames(
    const std::vector<std::string>& names);

// `options.outputs` (the store where there are none), each with the names that
// it is to have, own ones or the build's tags, and with the build's
// annotations; with `keep` one more, nameless, for the store.
// `kInvalidArgument`: nothing to push it as; a tag where the push is by digest.
Result<std::vector<Output>> ResolveOutputs(const BuildOptions& options);

// How to speak to registries: with those that an output calls insecure.
registry::ClientOptions RegistryOptionsFor(const BuildOptions& options,
                                           const std::vector<Output>& outputs);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_OUTPUT_NAMES_H_
