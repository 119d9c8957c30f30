#include "oci/platform.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "util/strings.h"

namespace strake::oci {
namespace {

// Go's GOOS and GOARCH values, which image-spec prescribes. They tell the two
// meanings of a lone word apart.
constexpr std::array<std::string_view, 17> kKnownOs = {
    "aix", "android", "darwin", "dragonfly", "freebsd", "hurd",
    "ios", "illumos", "js",     "linux",     "nacl",    "netbsd",
    "zos", "openbsd", "plan9",  "solaris",   "windows"};
constexpr std::array<std::string_view, 24> kKnownArchitectures = {
    "386",     "amd64",    "amd64p32",  "arm",         "armbe",   "arm64",
    "arm64be", "ppc64",    "ppc64le",   "loong64",     "mips",    "mipsle",
    "mips64",  "mips64le", "mips64p32", "mips64p32le", "ppc",     "riscv",
    "riscv64", "s390",     "s390x",     "sparc",       "sparc64", "wasm"};

template <typename Array>
bool Contains(const Array& array, std::string_view word) {
  return std::ranges::find(array, word) != array.end();
}

bool IsPlatformWord(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  });
}

void NormalizeArchitecture(Platform& p) {
  std::string& arch = p.architecture;
  std::string& variant = p.variant;
  arch = ToLower(arch);
  variant = ToLower(variant);
  if (arch == "i386") {
    arch = "386";
    variant.clear();
  } else if (arch == "x86_64" || arch == "x86-64" || arch == "amd64") {
    arch = "amd64";
    if (variant == "v1") variant.clear();
  } else if (arch == "aarch64" || arch == "arm64") {
    arch = "arm64";
    if (variant == "8" || variant == "v8" || variant == "v8.0") variant.clear();
    if (variant == "9" || variant == "v9.0") variant = "v9";
  } else if (arch == "armhf") {
    arch = "arm";
    variant = "v7";
  } else if (arch == "armel") {
    arch = "arm";
    variant = "v6";
  } else if (arch == "arm") {
    if (variant.empty()) variant = "v7";
    if (variant.size() == 1 && variant[0] >= '5' && variant[0] <= '8') {
      variant = "v" + variant;
    }
  }
}

// The n of "vN" (arm64's "v8.2" is 802), for comparing variants of one
// architecture; amd64 and arm64 without a variant are their first.
std::optional<int> VariantRank(const Platform& p) {
  std::string_view variant = p.variant;
  if (variant.empty()) {
    if (p.architecture == "amd64") variant = "v1";
    if (p.architecture == "arm64") variant = "v8";
  }
  if (variant.size() < 2 || variant[0] != 'v') return std::nullopt;
  auto parts = SplitOnce(variant.substr(1), '.');
  auto major = ParseUint(parts ? parts->first : variant.substr(1));
  auto minor = parts ? ParseUint(parts->second) : uint64_t{0};
  if (!major || !minor || *major > 99 || *minor > 99) return std::nullopt;
  return static_cast<int>(*major * 100 + *minor);
}

}  // namespace

std::string Platform::ToString() const {
  std::string text = os + "/" + architecture;
  if (!variant.empty()) text += "/" + variant;
  return text;
}

Platform NormalizePlatform(Platform platform) {
  platform.os = ToLower(platform.os);
  if (platform.os == "macos") platform.os = "darwin";
  NormalizeArchitecture(platform);
  return platform;
}

Result<Platform> ParsePlatform(std::string_view text) {
  auto quoted = [&] { return "platform \"" + std::string(text) + '"'; };
  std::vector<std::string_view> words = Split(text, '/');
  if (words.size() > 3 || !std::ranges::all_of(words, IsPlatformWord)) {
    return InvalidArgument(quoted() +
                           " is not of the form os/architecture[/variant]");
  }
  Platform platform;
  if (words.size() > 1) {
    platform.os = words[0];
    platform.architecture = words[1];
    if (words.size() == 3) platform.variant = words[2];
    return NormalizePlatform(std::move(platform));
  }
  platform.os = words[0];
  platform.architecture = words[0];
  platform = NormalizePlatform(std::move(platform));
  Platform host = HostPlatform();
  if (Contains(kKnownOs, platform.os)) {
    host.os = platform.os;
    return host;
  }
  if (Contains(kKnownArchitectures, platform.architecture)) {
    platform.os = host.os;
    return platform;
  }
  return InvalidArgument(quoted() +
                         " is neither an operating system nor an architecture "
                         "that strake knows: write it as os/architecture");
}

Platform HostPlatform() {
  Platform platform;
  platform.os = "linux";
  struct utsname name;
  if (::uname(&name) != 0) return platform;
  platform.architecture = name.machine;
  std::string& arch = platform.architecture;
  if (arch.starts_with("armv") && arch.size() > 4) {
    platform.variant = std::string("v") + arch[4];
    arch = "arm";
  } else if (arch.size() == 4 && arch[0] == 'i' && arch.ends_with("86")) {
    arch = "386";
  } else if (arch == "loongarch64") {
    arch = "loong64";
  } else if (arch == "mips64" || arch == "mips") {
    if constexpr (std::endian::native == std::endian::little) arch += "le";
  }
  return NormalizePlatform(std::move(platform));
}

bool PlatformMatches(const Platform& image, const Platform& wanted) {
  Platform a = NormalizePlatform(image);
  Platform b = NormalizePlatform(wanted);
  bool version_fits = a.os_version.empty() || b.os_version.empty() ||
                      a.os_version == b.os_version;
  return a.os == b.os && a.architecture == b.architecture &&
         a.variant == b.variant && version_fits;
}

int PlatformMatchScore(const Platform& image, const Platform& wanted) {
  constexpr int kExact = 1'000'000;
  if (PlatformMatches(image, wanted)) {
    // Among equals, the one that names the version asked for is better.
    bool same_version = image.os_version == wanted.os_version;
    return same_version ? kExact + 1 : kExact;
  }
  Platform older = NormalizePlatform(image);
  Platform newer = NormalizePlatform(wanted);
  std::optional<int> older_rank = VariantRank(older);
  std::optional<int> newer_rank = VariantRank(newer);
  older.variant.clear();
  newer.variant.clear();
  // Clearing arm's variant makes it v7 again in the comparison, on both sides.
  if (!PlatformMatches(older, newer) || !older_rank || !newer_rank ||
      *older_rank > *newer_rank) {
    return 0;
  }
  return kExact - 1 - (*newer_rank - *older_rank);
}

}  // namespace strake::oci
