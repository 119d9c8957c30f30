// One request's share of a blob, and what the registry says it has of it
// (distribution-spec, "Pushing a blob in chunks").

#ifndef STRAKE_REGISTRY_UPLOAD_PART_H_
#define STRAKE_REGISTRY_UPLOAD_PART_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "registry/client.h"
#include "registry/http_client.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::registry {

// Exactly `size_bytes` bytes of `inner`, which begins at byte `offset` of the
// blob; `kCorrupt` where it has fewer.
//   on_bytes  told the position in the blob after each read; borrowed
std::unique_ptr<ByteSource> OpenPart(std::unique_ptr<ByteSource> inner,
                                     uint64_t offset, uint64_t size_bytes,
                                     const BytesCallback& on_bytes);

// How many bytes an upload session holds, by the `Range` of `response`: "0-99"
// or "bytes=0-99" (Docker's older registries). "0-0" is none: that is what
// registries say of nothing, and nobody sends a single byte. Nothing where
// there is no such field.
std::optional<uint64_t> ReceivedBytes(const HttpResponse& response);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_UPLOAD_PART_H_
