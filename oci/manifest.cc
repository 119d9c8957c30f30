#include "oci/manifest.h"

#include <algorithm>

#include "oci/descriptor_json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::oci {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kDockerSchema1Prefix =
    "application/vnd.docker.distribution.manifest.v1+";

Status CheckSchemaVersion(const JsonField& document) {
  ASSIGN_OR_RETURN(int64_t version, document.At("schemaVersion").Int());
  if (version == 1) {
    return Unsupported(
        "Docker's schema 1 manifests are not supported: push the image again "
        "with a current tool");
  }
  if (version != 2) {
    return Unsupported("schemaVersion " + std::to_string(version) +
                       " is not supported (only 2 is)");
  }
  return {};
}

// The media type that `document` says it is, checked to be of the kind that
// `is_kind` accepts; `oci_type` where it says nothing.
Result<MediaTypeFamily> CheckMediaType(const JsonField& document,
                                       bool (*is_kind)(std::string_view),
                                       std::string_view oci_type) {
  ASSIGN_OR_RETURN(std::string media_type,
                   document.At("mediaType").StringOr(std::string(oci_type)));
  if (!is_kind(media_type)) {
    return InvalidArgument("mediaType: expected " + std::string(oci_type) +
                           " or Docker's counterpart, found \"" + media_type +
                           '"');
  }
  return media_type == oci_type ? MediaTypeFamily::kOci
                                : MediaTypeFamily::kDocker;
}

Result<std::vector<Descriptor>> ReadDescriptors(const JsonField& field) {
  ASSIGN_OR_RETURN(std::vector<JsonField> elements, field.Array());
  std::vector<Descriptor> descriptors;
  descriptors.reserve(elements.size());
  for (const JsonField& element : elements) {
    ASSIGN_OR_RETURN(Descriptor descriptor, ReadDescriptor(element));
    descriptors.push_back(std::move(descriptor));
  }
  return descriptors;
}

// The members that manifests and indexes share.
template <typename Document>
Status ReadCommonMembers(const JsonField& field, Document& document) {
  ASSIGN_OR_RETURN(document.artifact_type,
                   field.At("artifactType").StringOr(""));
  if (field.At("subject").present()) {
    ASSIGN_OR_RETURN(document.subject, ReadDescriptor(field.At("subject")));
  }
  ASSIGN_OR_RETURN(document.annotations,
                   field.At("annotations").StringMapOr({}));
  return {};
}

ordered_json DescriptorsJson(const std::vector<Descriptor>& descriptors) {
  ordered_json array = ordered_json::array();
  for (const Descriptor& d : descriptors) array.push_back(DescriptorJson(d));
  return array;
}

template <typename Document>
ordered_json BeginJson(const Document& document, std::string_view media_type) {
  ordered_json json = ordered_json::object();
  json["schemaVersion"] = 2;
  json["mediaType"] = media_type;
  if (!document.artifact_type.empty()) {
    json["artifactType"] = document.artifact_type;
  }
  return json;
}

template <typename Document>
std::string FinishJson(const Document& document, ordered_json json) {
  if (document.subject) json["subject"] = DescriptorJson(*document.subject);
  if (!document.annotations.empty()) json["annotations"] = document.annotations;
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

Result<Manifest> ParseManifest(std::string_view text) {
  ASSIGN_OR_RETURN(json parsed, ParseJson(text));
  JsonField document(parsed);
  RETURN_IF_ERROR(CheckSchemaVersion(document));
  Manifest manifest;
  ASSIGN_OR_RETURN(manifest.family,
                   CheckMediaType(document, IsManifest, kMediaTypeManifest));
  ASSIGN_OR_RETURN(manifest.config, ReadDescriptor(document.At("config")));
  ASSIGN_OR_RETURN(manifest.layers, ReadDescriptors(document.At("layers")));
  RETURN_IF_ERROR(ReadCommonMembers(document, manifest));
  return manifest;
}

Result<Index> ParseIndex(std::string_view text) {
  ASSIGN_OR_RETURN(json parsed, ParseJson(text));
  JsonField document(parsed);
  RETURN_IF_ERROR(CheckSchemaVersion(document));
  Index index;
  ASSIGN_OR_RETURN(index.family,
                   CheckMediaType(document, IsIndex, kMediaTypeIndex));
  // Registries in Go have lists of referrers that are null.
  const JsonField manifests = document.At("manifests");
  if (!manifests.null()) {
    ASSIGN_OR_RETURN(index.manifests, ReadDescriptors(manifests));
  }
  RETURN_IF_ERROR(ReadCommonMembers(document, index));
  return index;
}

Result<std::string> DetectMediaType(std::string_view text) {
  ASSIGN_OR_RETURN(json parsed, ParseJson(text));
  JsonField document(parsed);
  if (!parsed.is_object()) {
    return InvalidArgument("expected a manifest or an index, found " +
                           std::string(parsed.type_name()));
  }
  ASSIGN_OR_RETURN(std::string media_type,
                   document.At("mediaType").StringOr(""));
  if (media_type.starts_with(kDockerSchema1Prefix)) {
    return Unsupported("media type " + media_type +
                       " (Docker's schema 1) is not supported");
  }
  if (!media_type.empty()) return media_type;
  RETURN_IF_ERROR(CheckSchemaVersion(document));
  bool has_manifests = document.At("manifests").present();
  bool has_config = document.At("config").present();
  // A document that could be read as either could mean two images to two
  // clients (CVE-2021-41190).
  if (has_manifests != has_config) {
    return std::string(has_manifests ? kMediaTypeIndex : kMediaTypeManifest);
  }
  return InvalidArgument(
      "cannot tell whether this is a manifest or an index: it has no "
      "mediaType, and " +
      std::string(has_config ? "both" : "neither of") +
      " \"config\" and \"manifests\"");
}

std::string SerializeManifest(const Manifest& manifest) {
  bool docker = manifest.family == MediaTypeFamily::kDocker;
  ordered_json json = BeginJson(
      manifest, docker ? kDockerMediaTypeManifest : kMediaTypeManifest);
  json["config"] = DescriptorJson(manifest.config);
  json["layers"] = DescriptorsJson(manifest.layers);
  return FinishJson(manifest, std::move(json));
}

std::string SerializeIndex(const Index& index) {
  bool docker = index.family == MediaTypeFamily::kDocker;
  ordered_json json =
      BeginJson(index, docker ? kDockerMediaTypeIndex : kMediaTypeIndex);
  json["manifests"] = DescriptorsJson(index.manifests);
  return FinishJson(index, std::move(json));
}

Result<Descriptor> SelectPlatform(const Index& index, const Platform& wanted) {
  const Descriptor* best = nullptr;
  int best_score = 0;
  std::vector<std::string> offered;
  for (const Descriptor& entry : index.manifests) {
    if (!entry.platform || entry.platform->os == "unknown") continue;
    offered.push_back(NormalizePlatform(*entry.platform).ToString());
    int score = PlatformMatchScore(*entry.platform, wanted);
    if (score <= best_score) continue;
    best = &entry;
    best_score = score;
  }
  if (best != nullptr) return *best;
  // image-spec makes `platform` optional: a lone entry without one serves all.
  if (index.manifests.size() == 1 && !index.manifests[0].platform) {
    return index.manifests[0];
  }
  std::string there_are =
      offered.empty() ? "no platforms" : Join(offered, ", ");
  return NotFound("no image for platform " + wanted.ToString() +
                  " in the index; it has " + there_are);
}

}  // namespace strake::oci
