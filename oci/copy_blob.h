// One blob from one store to another.

#ifndef STRAKE_OCI_COPY_BLOB_H_
#define STRAKE_OCI_COPY_BLOB_H_

#include "oci/blob_store.h"
#include "oci/descriptor.h"
#include "util/result.h"

namespace strake::oci {

enum class BlobCopy {
  kBytes,
  // The file itself where both stores are on one file system, else the bytes.
  // For content that is known to be sound: a link is not verified.
  kLink,
};

// Puts `blob` of `from` into `to`; nothing where it is there already. Bytes
// that are copied are verified: `kCorrupt` where they are not what the
// descriptor promises. `kNotFound` where `from` has none.
Status CopyBlob(const Descriptor& blob, const BlobStore& from,
                const BlobStore& to, BlobCopy how = BlobCopy::kBytes);

}  // namespace strake::oci

#endif  // STRAKE_OCI_COPY_BLOB_H_
