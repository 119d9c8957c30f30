// Platforms (image-spec image-index.md, "platform"): "linux/arm64/v8".

#ifndef STRAKE_OCI_PLATFORM_H_
#define STRAKE_OCI_PLATFORM_H_

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::oci {

struct Platform {
  std::string os;            // "linux"
  std::string architecture;  // Go's names: "amd64", "arm64", "arm"
  std::string variant;       // "v7", or empty
  std::string os_version;    // Windows only, or empty
  std::vector<std::string> os_features;

  // "os/architecture[/variant]".
  std::string ToString() const;
  friend auto operator<=>(const Platform&, const Platform&) = default;
};

// Reads "os/arch[/variant]", "os" or "arch" alone (the other half is the
// host's), in any spelling that containerd normalises (x86_64, aarch64,
// armhf, i386, ...), and normalises it.
Result<Platform> ParsePlatform(std::string_view text);

// One spelling for equal platforms: arm64/v8 becomes arm64, arm becomes
// arm/v7, amd64/v1 becomes amd64, x86_64 becomes amd64.
Platform NormalizePlatform(Platform platform);

// Of the machine that strake runs on.
Platform HostPlatform();

// Whether an image for `image` serves a build for `wanted`: equal after
// normalisation (an unset os_version matches any).
bool PlatformMatches(const Platform& image, const Platform& wanted);

// How well `image` serves `wanted`: 0 not at all, higher is better. An exact
// match beats a compatible older variant (arm/v6 for arm/v7).
int PlatformMatchScore(const Platform& image, const Platform& wanted);

}  // namespace strake::oci

#endif  // STRAKE_OCI_PLATFORM_H_
