#include "cli/build_metadata.h"

#include "builder/build_metadata.h"
#include "util/json.h"

namespace strake::cli {

namespace {

nlohmann::json MetadataJson(const builder::BuildResult& result) {
  auto metadata = ParseJson(builder::BuildMetadata(result));
  return metadata ? *std::move(metadata) : nlohmann::json::object();
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
