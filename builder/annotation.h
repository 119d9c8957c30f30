// Annotations that a build is asked for: `--annotation` of `docker buildx
// build`, and `annotation...` keys of its `--output`. Pure.

#ifndef STRAKE_BUILDER_ANNOTATION_H_
#define STRAKE_BUILDER_ANNOTATION_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/platform.h"
#include "util/result.h"

namespace strake::builder {

struct Annotation {
  // What it stands in: a manifest, an index, or a descriptor of one of them (in
  // the index that names it, or in an image layout's `index.json`).
  enum class Place { kManifest, kIndex, kManifestDescriptor, kIndexDescriptor };
  Place place = Place::kManifest;
  std::optional<oci::Platform> platform;  // of which manifest; none: of all
  std::string key;
  std::string value;
  friend bool operator==(const Annotation&, const Annotation&) = default;
};

// `KEY=VALUE`, `manifest:KEY=VALUE`, `manifest[linux/amd64],index:KEY=VALUE`:
// one annotation for each place. `kInvalidArgument` names the place that there
// is not.
Result<std::vector<Annotation>> ParseAnnotation(std::string_view text);

// Whether a key of `--output` is one of these: `annotation.KEY`,
// `annotation-index.KEY`, `annotation-manifest-descriptor[linux/arm64].KEY`.
bool IsAnnotationKey(std::string_view key);
// REQUIRES: IsAnnotationKey(key)
Result<Annotation> ParseAnnotationKey(std::string_view key,
                                      std::string_view value);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_ANNOTATION_H_
