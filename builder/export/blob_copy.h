// Blobs from one store to another.

#ifndef STRAKE_BUILDER_EXPORT_BLOB_COPY_H_
#define STRAKE_BUILDER_EXPORT_BLOB_COPY_H_

#include "oci/blob_store.h"
#include "oci/descriptor.h"
#include "util/result.h"

namespace strake::builder::exporter {

// A link where both are on one file system, else a copy, verified; nothing
// where the blob is there already.
Status CopyBlob(const oci::Descriptor& blob, const oci::BlobStore& from,
                const oci::BlobStore& to);

}  // namespace strake::builder::exporter

#endif  // STRAKE_BUILDER_EXPORT_BLOB_COPY_H_
