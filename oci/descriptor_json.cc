#include "oci/descriptor_json.h"

#include "util/result_macros.h"

namespace strake::oci {

using nlohmann::ordered_json;

Result<Platform> ReadPlatform(const JsonField& field) {
  Platform platform;
  ASSIGN_OR_RETURN(platform.architecture,
                   field.At("architecture").StringOr(""));
  ASSIGN_OR_RETURN(platform.os, field.At("os").StringOr(""));
  ASSIGN_OR_RETURN(platform.os_version, field.At("os.version").StringOr(""));
  ASSIGN_OR_RETURN(platform.os_features, field.At("os.features").StringsOr({}));
  ASSIGN_OR_RETURN(platform.variant, field.At("variant").StringOr(""));
  return platform;
}

Result<Descriptor> ReadDescriptor(const JsonField& field) {
  Descriptor descriptor;
  ASSIGN_OR_RETURN(descriptor.media_type, field.At("mediaType").String());
  ASSIGN_OR_RETURN(std::string digest, field.At("digest").String());
  auto parsed = Digest::Parse(digest);
  if (!parsed) return std::move(parsed).error().Wrap(field.At("digest").path());
  descriptor.digest = *parsed;
  ASSIGN_OR_RETURN(descriptor.size_bytes, field.At("size").Uint());
  ASSIGN_OR_RETURN(descriptor.urls, field.At("urls").StringsOr({}));
  ASSIGN_OR_RETURN(descriptor.annotations,
                   field.At("annotations").StringMapOr({}));
  ASSIGN_OR_RETURN(descriptor.artifact_type,
                   field.At("artifactType").StringOr(""));
  if (field.At("platform").present()) {
    ASSIGN_OR_RETURN(descriptor.platform, ReadPlatform(field.At("platform")));
  }
  return descriptor;
}

namespace {

ordered_json PlatformJson(const Platform& platform) {
  ordered_json json = ordered_json::object();
  json["architecture"] = platform.architecture;
  json["os"] = platform.os;
  if (!platform.os_version.empty()) json["os.version"] = platform.os_version;
  if (!platform.os_features.empty()) json["os.features"] = platform.os_features;
  if (!platform.variant.empty()) json["variant"] = platform.variant;
  return json;
}

}  // namespace

ordered_json DescriptorJson(const Descriptor& descriptor) {
  ordered_json json = ordered_json::object();
  json["mediaType"] = descriptor.media_type;
  json["digest"] = descriptor.digest.ToString();
  json["size"] = descriptor.size_bytes;
  if (!descriptor.urls.empty()) json["urls"] = descriptor.urls;
  if (!descriptor.annotations.empty()) {
    json["annotations"] = descriptor.annotations;
  }
  if (descriptor.platform)
    json["platform"] = PlatformJson(*descriptor.platform);
  if (!descriptor.artifact_type.empty()) {
    json["artifactType"] = descriptor.artifact_type;
  }
  return json;
}

}  // namespace strake::oci
