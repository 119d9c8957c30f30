#include "cli/build_metadata.h"

#include "util/atomic_file.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::cli {

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

nlohmann::json MetadataJson(const builder::BuildResult& result) {
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
  return metadata;
}

}  // namespace

std::string BuildMetadata(const builder::BuildResult& result,
                          const BuildTimings* timings) {
  nlohmann::json metadata = MetadataJson(result);
  if (timings != nullptr) {
    metadata["strake.timings"] = {{"total_seconds", timings->total().count()},
                                  {"phases", timings->PhaseSeconds()}};
  }
  return DumpJsonPretty(metadata) + "\n";
}

std::string BakeMetadata(
    const std::vector<std::pair<std::string, const builder::BuildResult*>>&
        results) {
  nlohmann::json metadata = nlohmann::json::object();
  for (const auto& [name, result] : results) {
    metadata[name] = MetadataJson(*result);
  }
  return DumpJsonPretty(metadata) + "\n";
}

}  // namespace strake::cli
