// Descriptors (image-spec descriptor.md): a typed, sized, digested pointer to
// a blob.

#ifndef STRAKE_OCI_DESCRIPTOR_H_
#define STRAKE_OCI_DESCRIPTOR_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/digest.h"
#include "oci/platform.h"

namespace strake::oci {

struct Descriptor {
  std::string media_type;
  Digest digest;
  uint64_t size_bytes = 0;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> urls;
  std::optional<Platform> platform;  // in an index only
  std::string artifact_type;         // may be empty

  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_DESCRIPTOR_H_
