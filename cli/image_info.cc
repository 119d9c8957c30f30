#include "cli/image_info.h"

#include <utility>

#include "oci/reference.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using Json = nlohmann::json;

// The blobs that the image is made of, lowest first, as its manifest has them.
Json LayersOf(const std::string& manifest) {
  Json layers = Json::array();
  auto document = ParseJson(manifest);
  if (!document || !document->is_object()) return layers;
  auto listed = document->find("layers");
  if (listed != document->end() && listed->is_array()) layers = *listed;
  return layers;
}

// A member of `from` under docker's name for it; absent stays absent.
void Copy(const Json& from, const char* member, Json& to, const char* name) {
  auto found = from.find(member);
  if (found != from.end() && !found->is_null()) to[name] = *found;
}

std::string Plural(int64_t count, const char* unit) {
  return std::to_string(count) + " " + unit + (count == 1 ? "" : "s");
}

}  // namespace

Result<std::string> InspectJson(const builder::ImageDocuments& documents,
                                const std::vector<std::string>& names) {
  const builder::StoredImage& image = documents.image;
  std::string digest = image.descriptor.digest.ToString();
  Json result;
  result["Id"] = image.config.empty() ? digest : image.config.ToString();
  result["Size"] = image.size_bytes;
  result["RepoTags"] = Json::array();
  result["RepoDigests"] = Json::array();
  for (const std::string& name : names) {
    auto reference = oci::ParseReference(name);
    if (!reference) continue;  // a bare tag of a foreign layout
    if (!reference->tag.empty()) {
      result["RepoTags"].push_back(reference->Familiar());
    }
    result["RepoDigests"].push_back(
        oci::ByDigest(*reference, image.descriptor.digest).Familiar());
  }
  result["Descriptor"] = {{"mediaType", image.descriptor.media_type},
                          {"digest", digest},
                          {"size", image.descriptor.size_bytes}};
  if (documents.config.empty()) {
    auto index = ParseJson(documents.manifest);
    if (!index) return std::move(index).error().Wrap("index " + digest);
    Copy(*index, "manifests", result, "Manifests");
    return DumpJson(result);
  }
  auto config = ParseJson(documents.config);
  if (!config || !config->is_object()) {
    return Corrupt("image config " + image.config.ToString() +
                   ": expected a JSON object");
  }
  Copy(*config, "created", result, "Created");
  Copy(*config, "author", result, "Author");
  Copy(*config, "architecture", result, "Architecture");
  Copy(*config, "variant", result, "Variant");
  Copy(*config, "os", result, "Os");
  Copy(*config, "config", result, "Config");
  result["Layers"] = LayersOf(documents.manifest);
  result["RootFS"] = {{"Type", "layers"}, {"Layers", Json::array()}};
  if (auto rootfs = config->find("rootfs");
      rootfs != config->end() && rootfs->is_object()) {
    Copy(*rootfs, "diff_ids", result["RootFS"], "Layers");
  }
  return DumpJson(result);
}

std::string HumanDuration(std::chrono::seconds duration) {
  int64_t seconds = duration.count();
  if (seconds < 1) return "Less than a second";
  if (seconds < 60) return Plural(seconds, "second");
  int64_t minutes = seconds / 60;
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return Plural(minutes, "minute");
  int64_t hours = (minutes + 30) / 60;
  if (hours == 1) return "About an hour";
  if (hours < 48) return Plural(hours, "hour");
  if (hours < 24 * 14) return Plural(hours / 24, "day");
  if (hours < 24 * 60) return Plural(hours / 24 / 7, "week");
  if (hours < 24 * 365 * 2) return Plural(hours / 24 / 30, "month");
  return Plural(hours / 24 / 365, "year");
}

ImageRow MakeImageRow(const builder::StoredImage& image,
                      std::chrono::system_clock::time_point now) {
  ImageRow row;
  row.repository = row.tag = "<none>";
  if (auto reference = oci::ParseReference(image.name)) {
    if (!reference->tag.empty()) row.tag = reference->tag;
    reference->tag.clear();
    reference->digest.reset();
    row.repository = reference->Familiar();
  } else if (!image.name.empty()) {
    row.repository = image.name;
  }
  row.digest = image.descriptor.digest.ToString();
  const auto& id =
      image.config.empty() ? image.descriptor.digest : image.config;
  row.full_id = id.ToString();
  row.id = id.Hex().substr(0, 12);
  row.created = "N/A";
  if (image.created) {
    row.created_at = oci::FormatTimestamp(*image.created);
    row.created =
        HumanDuration(std::chrono::duration_cast<std::chrono::seconds>(
            now - *image.created)) +
        " ago";
  }
  row.size = HumanBytes(image.size_bytes);
  return row;
}

std::string RowJson(const ImageRow& row) {
  return DumpJson({{"Repository", row.repository},
                   {"Tag", row.tag},
                   {"ID", row.id},
                   {"Digest", row.digest},
                   {"CreatedSince", row.created},
                   {"CreatedAt", row.created_at},
                   {"Size", row.size}});
}

}  // namespace strake::cli
