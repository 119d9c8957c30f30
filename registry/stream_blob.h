// A blob of one registry as the source of an upload to another: it passes
// through a bounded buffer and never lands anywhere.

#ifndef STRAKE_REGISTRY_STREAM_BLOB_H_
#define STRAKE_REGISTRY_STREAM_BLOB_H_

#include <memory>
#include <stop_token>

#include "oci/descriptor.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::registry {

// Opens `blob` of `repository`; the download runs in a thread of its own, as
// far ahead of the reader as the buffer allows, and ends with the source.
// Reading gives the errors of `Client::FetchBlob`, `kCorrupt` for the last
// bytes included. `client` is borrowed; `repository` and `blob` are copied.
//   offset_bytes  bytes at the front that are fetched and left out
std::unique_ptr<ByteSource> StreamBlob(const Client& client,
                                       const oci::Reference& repository,
                                       const oci::Descriptor& blob,
                                       uint64_t offset_bytes,
                                       std::stop_token stop);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_STREAM_BLOB_H_
