// GET of a blob (distribution-spec, "Pulling blobs"), verified while it
// streams and continued by range where a connection is cut.

#ifndef STRAKE_REGISTRY_BLOB_DOWNLOAD_H_
#define STRAKE_REGISTRY_BLOB_DOWNLOAD_H_

#include <span>
#include <stop_token>

#include "oci/descriptor.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "registry/transport.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::registry {

// As `Client::FetchBlob`. `repositories` are tried in their order: mirrors,
// which are left at the first refusal, and last the repository itself. Content
// that proves wrong is asked for once more, then elsewhere, as long as `open`
// gives another sink.
Status DownloadBlob(Transport& transport,
                    std::span<const oci::Reference> repositories,
                    const oci::Descriptor& blob, const BlobSinkOpener& open,
                    const BytesCallback& on_bytes, std::stop_token stop);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_BLOB_DOWNLOAD_H_
