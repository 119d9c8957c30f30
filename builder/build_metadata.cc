#include "builder/build_metadata.h"

#include <nlohmann/json.hpp>

#include "util/atomic_file.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::builder {
namespace {

constexpr size_t kBuildNameLength = 25;

nlohmann::json DescriptorJson(const oci::Descriptor& image) {
  nlohmann::json descriptor = {
      {"mediaType", image.media_type},
      {"digest", image.digest.ToString()},
      {"size", image.size_bytes},
  };
  if (!image.annotations.empty()) {
    descriptor["annotations"] = image.annotations;
  }
  if (const auto& platform = image.platform) {
    descriptor["platform"] = {{"os", platform->os},
                              {"architecture", platform->architecture}};
    if (!platform->variant.empty()) {
      descriptor["platform"]["variant"] = platform->variant;
    }
  }
  return descriptor;
}

}  // namespace

std::string BuildMetadata(const BuildResult& result) {
  nlohmann::json metadata = nlohmann::json::object();
  // buildx: builder, node and a name of 25 characters for this build alone.
  metadata["buildx.build.ref"] =
      "strake/strake/" +
      (RandomName("") + RandomName("")).substr(0, kBuildNameLength);
  if (result.config) {
    metadata["containerimage.config.digest"] = result.config->ToString();
  }
  if (result.image) {
    metadata["containerimage.descriptor"] = DescriptorJson(*result.image);
    metadata["containerimage.digest"] = result.image->digest.ToString();
  }
  if (!result.names.empty()) {
    metadata["image.name"] = Join(result.names, ",");
  }
  return DumpJsonPretty(metadata) + "\n";
}

}  // namespace strake::builder
