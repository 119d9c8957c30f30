// References to images: `registry/repository[:tag][@digest]`, read and
// normalised as Docker does (distribution's reference grammar; "debian" is
// "docker.io/library/debian").

#ifndef STRAKE_OCI_REFERENCE_H_
#define STRAKE_OCI_REFERENCE_H_

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "oci/digest.h"
#include "util/result.h"

namespace strake::oci {

struct Reference {
  std::string registry;          // "docker.io", "localhost:5000"
  std::string repository;        // "library/debian"; never empty
  std::string tag;               // may be empty
  std::optional<Digest> digest;  // may be absent

  // Fully qualified: "docker.io/library/debian:12@sha256:...".
  std::string ToString() const;
  // As people write it: without "docker.io/" and "library/".
  std::string Familiar() const;
  // "registry/repository".
  std::string Name() const;
  // What to ask a registry for: the digest if there is one, else the tag,
  // else "latest".
  std::string TagOrDigest() const;

  friend auto operator<=>(const Reference&, const Reference&) = default;
};

// `kInvalidArgument` says what is wrong (upper case, an empty component, too
// long, a bad digest ...). No tag is supplied where none is written: see
// `WithDefaultTag`.
Result<Reference> ParseReference(std::string_view text);

// Whether `text` has what may be a user and a password before a host: such a
// text is in no message.
bool MayHoldLogin(std::string_view text);

// `reference` with tag "latest" where it has neither tag nor digest.
Reference WithDefaultTag(Reference reference);

// What has this digest in the repository of `reference`, whatever its tag.
Reference ByDigest(Reference reference, const Digest& digest);

}  // namespace strake::oci

#endif  // STRAKE_OCI_REFERENCE_H_
