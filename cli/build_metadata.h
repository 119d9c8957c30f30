// `--metadata-file`: what a build made, as docker buildx writes it.

#ifndef STRAKE_CLI_BUILD_METADATA_H_
#define STRAKE_CLI_BUILD_METADATA_H_

#include <string>
#include <utility>
#include <vector>

#include "builder/build.h"
#include "cli/build_timings.h"

namespace strake::cli {

// A JSON object: `containerimage.digest`, `containerimage.config.digest`,
// `containerimage.descriptor`, `buildx.build.ref`, and `image.name` (names
// joined by ",") where there are any; where `timings` is not null also
// `strake.timings`: `total_seconds`, and `phases`, seconds by name.
std::string BuildMetadata(const builder::BuildResult& result,
                          const BuildTimings* timings = nullptr);

// The same of several builds, by target.
std::string BakeMetadata(
    const std::vector<std::pair<std::string, const builder::BuildResult*>>&
        results);

}  // namespace strake::cli

#endif  // STRAKE_CLI_BUILD_METADATA_H_
