// Image manifests and image indexes (image-spec manifest.md, image-index.md;
// Docker's schema 2 forms are read and written too).
//
// Parsing keeps nothing of the raw bytes: whoever needs the bytes that a
// digest promised keeps them (`BlobStore` does). Writing is canonical: equal
// values give equal bytes.

#ifndef STRAKE_OCI_MANIFEST_H_
#define STRAKE_OCI_MANIFEST_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/descriptor.h"
#include "oci/media_type.h"
#include "util/result.h"

namespace strake::oci {

struct Manifest {
  MediaTypeFamily family = MediaTypeFamily::kOci;
  std::string artifact_type;  // may be empty
  Descriptor config;
  std::vector<Descriptor> layers;  // lowest first
  std::optional<Descriptor> subject;
  std::map<std::string, std::string> annotations;
};

struct Index {
  MediaTypeFamily family = MediaTypeFamily::kOci;
  std::string artifact_type;
  std::vector<Descriptor> manifests;
  std::optional<Descriptor> subject;
  std::map<std::string, std::string> annotations;
};

// Errors: `kInvalidArgument` with the JSON path; `kUnsupported` for Docker's
// schema 1 and for a `schemaVersion` other than 2.
Result<Manifest> ParseManifest(std::string_view json);
Result<Index> ParseIndex(std::string_view json);

// The `mediaType` a document claims, or what its members imply where it claims
// none (`manifests`: an index, `config`: a manifest).
Result<std::string> DetectMediaType(std::string_view json);

// Two-space indented JSON with keys in image-spec's order.
std::string SerializeManifest(const Manifest& manifest);
std::string SerializeIndex(const Index& index);

// The manifest of `index` that serves `wanted` best. Attestations and other
// entries of platform unknown/unknown never match. `kNotFound` lists the
// platforms that there are.
Result<Descriptor> SelectPlatform(const Index& index, const Platform& wanted);

}  // namespace strake::oci

#endif  // STRAKE_OCI_MANIFEST_H_
