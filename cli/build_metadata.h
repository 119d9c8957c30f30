// `--metadata-file`: what a build made, as docker buildx writes it.

#ifndef STRAKE_CLI_BUILD_METADATA_H_
#define STRAKE_CLI_BUILD_METADATA_H_

#include <string>
#include <utility>
#include <vector>

#include "builder/build.h"

namespace strake::cli {

// A JSON object: `containerimage.digest`, `containerimage.config.digest`,
// `containerimage.descriptor`, `buildx.build.ref`, and `image.name` (names
// joined by ",") where there are any.
std::string BuildMetadata(const builder::BuildResult& result);

// The same of several builds, by target.
std::string BakeMetadata(
    const std::vector<std::pair<std::string, const builder::BuildResult*>>&
        results);

}  // namespace strake::cli

#endif  // STRAKE_CLI_BUILD_METADATA_H_
