#include "oci/media_type.h"

#include <array>

#include "util/result_macros.h"

namespace strake::oci {
namespace {

// containerd knows this one; nobody writes it, but it can be read.
constexpr std::string_view kDockerMediaTypeLayerZstd =
    "application/vnd.docker.image.rootfs.diff.tar.zstd";

// Of layers that registries were not to distribute: old base images for
// Windows. OCI and Docker have withdrawn them.
constexpr std::string_view kForeignLayer =
    "application/vnd.oci.image.layer.nondistributable.v1.tar";
constexpr std::string_view kForeignLayerGzip =
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
constexpr std::string_view kForeignLayerZstd =
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd";
constexpr std::string_view kDockerForeignLayer =
    "application/vnd.docker.image.rootfs.foreign.diff.tar";
constexpr std::string_view kDockerForeignLayerGzip =
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

struct LayerType {
  std::string_view media_type;
  Compression compression;
};

constexpr std::array kLayerTypes = {
    LayerType{kMediaTypeLayer, Compression::kNone},
    LayerType{kMediaTypeLayerGzip, Compression::kGzip},
    LayerType{kMediaTypeLayerZstd, Compression::kZstd},
    LayerType{kDockerMediaTypeLayer, Compression::kNone},
    LayerType{kDockerMediaTypeLayerGzip, Compression::kGzip},
    LayerType{kDockerMediaTypeLayerZstd, Compression::kZstd},
    LayerType{kForeignLayer, Compression::kNone},
    LayerType{kForeignLayerGzip, Compression::kGzip},
    LayerType{kForeignLayerZstd, Compression::kZstd},
    LayerType{kDockerForeignLayer, Compression::kNone},
    LayerType{kDockerForeignLayerGzip, Compression::kGzip},
};

const LayerType* FindLayerType(std::string_view media_type) {
  for (const LayerType& type : kLayerTypes) {
    if (type.media_type == media_type) return &type;
  }
  return nullptr;
}

}  // namespace

std::string_view CompressionName(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return "uncompressed";
    case Compression::kGzip:
      return "gzip";
    case Compression::kZstd:
      return "zstd";
  }
  return "unknown";
}

Result<Compression> ParseCompression(std::string_view name) {
  for (Compression compression :
       {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
    if (CompressionName(compression) == name) return compression;
  }
  std::string quoted = '"' + std::string(name) + '"';
  if (name == "estargz") {
    return Unsupported("compression " + quoted +
                       " is not supported: use uncompressed, gzip or zstd");
  }
  return InvalidArgument(quoted +
                         " is not a compression: use uncompressed, gzip or "
                         "zstd");
}

bool IsIndex(std::string_view media_type) {
  return media_type == kMediaTypeIndex || media_type == kDockerMediaTypeIndex;
}

bool IsManifest(std::string_view media_type) {
  return media_type == kMediaTypeManifest ||
         media_type == kDockerMediaTypeManifest;
}

bool IsConfig(std::string_view media_type) {
  return media_type == kMediaTypeConfig || media_type == kDockerMediaTypeConfig;
}

bool IsLayer(std::string_view media_type) {
  return FindLayerType(media_type) != nullptr;
}

Result<Compression> LayerCompression(std::string_view media_type) {
  const LayerType* type = FindLayerType(media_type);
  if (type == nullptr) {
    return Unsupported("media type \"" + std::string(media_type) +
                       "\" is not a layer that strake can unpack");
  }
  return type->compression;
}

Result<std::string> LayerMediaType(Compression compression,
                                   MediaTypeFamily family) {
  bool docker = family == MediaTypeFamily::kDocker;
  switch (compression) {
    case Compression::kNone:
      return std::string(docker ? kDockerMediaTypeLayer : kMediaTypeLayer);
    case Compression::kGzip:
      return std::string(docker ? kDockerMediaTypeLayerGzip
                                : kMediaTypeLayerGzip);
    case Compression::kZstd:
      break;
  }
  if (docker) {
    return Unsupported(
        "Docker's media types have none for zstd layers: use OCI media types "
        "or gzip");
  }
  return std::string(kMediaTypeLayerZstd);
}

Result<std::string> LayerMediaTypeIn(MediaTypeFamily family,
                                     std::string_view media_type) {
  ASSIGN_OR_RETURN(Compression compression, LayerCompression(media_type));
  return LayerMediaType(compression, family);
}

}  // namespace strake::oci
