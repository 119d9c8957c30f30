// Media types of image-spec and of Docker's schema 2, and what they mean.

#ifndef STRAKE_OCI_MEDIA_TYPE_H_
#define STRAKE_OCI_MEDIA_TYPE_H_

#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::oci {

inline constexpr std::string_view kMediaTypeIndex =
    "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kMediaTypeManifest =
    "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kMediaTypeConfig =
    "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kMediaTypeLayer =
    "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kMediaTypeLayerGzip =
    "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kMediaTypeLayerZstd =
    "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kMediaTypeEmptyJson =
    "application/vnd.oci.empty.v1+json";

inline constexpr std::string_view kDockerMediaTypeIndex =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerMediaTypeManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerMediaTypeConfig =
    "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerMediaTypeLayer =
    "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view kDockerMediaTypeLayerGzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";

enum class Compression { kNone, kGzip, kZstd };
// "uncompressed", "gzip", "zstd"; the names that buildx gives them.
std::string_view CompressionName(Compression compression);
Result<Compression> ParseCompression(std::string_view name);

// Both OCI's and Docker's.
bool IsIndex(std::string_view media_type);
bool IsManifest(std::string_view media_type);
bool IsConfig(std::string_view media_type);
bool IsLayer(std::string_view media_type);

// How a layer of this media type is compressed; `kUnsupported` for a type that
// is no layer of ours (encrypted ones included). Foreign layers are read as any
// other, and never written.
Result<Compression> LayerCompression(std::string_view media_type);

enum class MediaTypeFamily { kOci, kDocker };
// The media type of a layer. Docker has none for zstd: that is `kUnsupported`.
Result<std::string> LayerMediaType(Compression compression,
                                   MediaTypeFamily family);

// What a layer of this media type, with the same bytes, is called in `family`.
Result<std::string> LayerMediaTypeIn(MediaTypeFamily family,
                                     std::string_view media_type);

}  // namespace strake::oci

#endif  // STRAKE_OCI_MEDIA_TYPE_H_
