#include "cli/build_metadata.h"

#include "util/json.h"
#include "util/strings.h"

namespace strake::cli {

std::string BuildMetadata(const builder::BuildResult& result) {
  nlohmann::json descriptor = {
      {"mediaType", result.image.media_type},
      {"digest", result.image.digest.ToString()},
      {"size", result.image.size_bytes},
  };
  if (!result.image.annotations.empty()) {
    descriptor["annotations"] = result.image.annotations;
  }
  if (const auto& platform = result.image.platform) {
    descriptor["platform"] = {{"os", platform->os},
                              {"architecture", platform->architecture}};
    if (!platform->variant.empty()) {
      descriptor["platform"]["variant"] = platform->variant;
    }
  }
  nlohmann::json metadata = {
      {"containerimage.config.digest", result.config.ToString()},
      {"containerimage.descriptor", descriptor},
      {"containerimage.digest", result.image.digest.ToString()},
  };
  if (!result.names.empty()) {
    metadata["image.name"] = Join(result.names, ",");
  }
  return DumpJsonPretty(metadata) + "\n";
}

}  // namespace strake::cli
