// An upload session (distribution-spec, "Pushing blobs"): POST, then the
// content in one PUT or in PATCHes, then PUT; resumed from where the registry
// says it is after a failure.

#ifndef STRAKE_REGISTRY_BLOB_UPLOAD_H_
#define STRAKE_REGISTRY_BLOB_UPLOAD_H_

#include <cstdint>
#include <stop_token>

#include "oci/descriptor.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "registry/transport.h"
#include "util/result.h"

namespace strake::registry {

// As `Client::UploadBlob`. `chunk_bytes` as `ClientOptions` has it.
Status UploadBlob(Transport& transport, const oci::Reference& repository,
                  const oci::Descriptor& blob, const BlobOpener& open,
                  uint64_t chunk_bytes, const BytesCallback& on_bytes,
                  std::stop_token stop);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_BLOB_UPLOAD_H_
