#include "builder/image_place.h"

#include <utility>

#include "oci/reference.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder {
namespace {

using Kind = ImagePlace::Kind;

struct Scheme {
  std::string_view prefix;
  Kind kind;
};

constexpr Scheme kSchemes[] = {
    {"docker://", Kind::kRegistry},
    {"oci:", Kind::kLayout},
    {"oci-archive:", Kind::kOciArchive},
    {"docker-archive:", Kind::kDockerArchive},
    {"store:", Kind::kStore},
};

// Places of skopeo's that would pass for names.
constexpr std::string_view kOthersSchemes[] = {
    "dir:", "docker-daemon:", "containers-storage:", "ostree:", "sif:"};

// "PATH", "PATH:NAME" or "PATH@DIGEST".
Status ReadPath(std::string_view rest, ImagePlace& place) {
  size_t digest = rest.find("@sha256:");
  if (digest != std::string_view::npos) {
    ASSIGN_OR_RETURN(place.digest, oci::Digest::Parse(rest.substr(digest + 1)));
    place.path = rest.substr(0, digest);
    if (place.path.find(':') != std::string::npos) {
      return InvalidArgument("give a tag or a digest, not both");
    }
  } else {
    auto parts = SplitOnce(rest, ':');
    place.path = parts ? parts->first : rest;
    if (parts) place.name = parts->second;
    if (parts && place.name.empty()) return InvalidArgument("the tag is empty");
  }
  if (place.path.empty()) return InvalidArgument("the path is empty");
  return {};
}

Status ReadPlace(std::string_view rest, ImagePlace& place) {
  switch (place.kind) {
    case Kind::kRegistry: {
      place.name = rest;
      RETURN_IF_ERROR(oci::ParseReference(rest));
      return {};
    }
    case Kind::kStore:
      place.name = rest;
      if (rest.empty()) return InvalidArgument("the name is empty");
      return {};
    case Kind::kDockerArchive:
      RETURN_IF_ERROR(ReadPath(rest, place));
      if (place.digest) {
        return InvalidArgument("such an archive knows no digests");
      }
      if (!place.name.empty()) {
        RETURN_IF_ERROR(oci::ParseReference(place.name));
      }
      return {};
    default:
      return ReadPath(rest, place);
  }
}

}  // namespace

Result<ImagePlace> ParseImagePlace(std::string_view text) {
  ImagePlace place;
  place.text = text;
  std::string_view rest = text;
  for (const Scheme& scheme : kSchemes) {
    if (!text.starts_with(scheme.prefix)) continue;
    place.kind = scheme.kind;
    rest = text.substr(scheme.prefix.size());
    break;
  }
  for (std::string_view other : kOthersSchemes) {
    if (place.kind != Kind::kRegistry || rest.size() != text.size() ||
        !text.starts_with(other)) {
      continue;
    }
    return InvalidArgument(
        GoQuote(text) + ": strake knows no " + std::string(other) +
        "; it copies from and to registries, oci:, oci-archive:, "
        "docker-archive: and store:. An image of that name is docker://" +
        std::string(text));
  }
  Status read = ReadPlace(rest, place);
  if (!read && oci::MayHoldLogin(text)) return std::move(read).error();
  if (!read) return std::move(read).error().Wrap(GoQuote(text));
  return place;
}

}  // namespace strake::builder
