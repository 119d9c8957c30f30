// What a build made, as docker buildx writes it (`--metadata-file`).

#ifndef STRAKE_BUILDER_BUILD_METADATA_H_
#define STRAKE_BUILDER_BUILD_METADATA_H_

#include <string>

#include "builder/build.h"

namespace strake::builder {

// A JSON object: `containerimage.digest`, `containerimage.config.digest`,
// `containerimage.descriptor`, `buildx.build.ref`, and `image.name` (names
// joined by ",") where there are any.
std::string BuildMetadata(const BuildResult& result);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_BUILD_METADATA_H_
