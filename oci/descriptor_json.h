// Descriptors and platforms as JSON (image-spec descriptor.md). For the `.cc`
// files of this room only: it shows nlohmann::json.

#ifndef STRAKE_OCI_DESCRIPTOR_JSON_H_
#define STRAKE_OCI_DESCRIPTOR_JSON_H_

#include <nlohmann/json.hpp>

#include "oci/descriptor.h"
#include "util/json.h"
#include "util/result.h"

namespace strake::oci {

// `kInvalidArgument` with the JSON path; an embedded `data` is not looked at,
// as the blob itself is what counts.
Result<Descriptor> ReadDescriptor(const JsonField& field);
Result<Platform> ReadPlatform(const JsonField& field);

// With keys in image-spec's order.
nlohmann::ordered_json DescriptorJson(const Descriptor& descriptor);

}  // namespace strake::oci

#endif  // STRAKE_OCI_DESCRIPTOR_JSON_H_
