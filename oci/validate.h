// Re-derives every digest, size and diff ID of an image.

#ifndef STRAKE_OCI_VALIDATE_H_
#define STRAKE_OCI_VALIDATE_H_

#include "oci/blob_store.h"
#include "oci/descriptor.h"
#include "util/result.h"

namespace strake::oci {

// Success if each blob that `root` reaches is in `store` with the size and
// digest promised, each layer decompresses to its diff ID, and the history's
// non-empty entries are as many as the layers. Else `kCorrupt` or `kNotFound`
// naming the first blob that is wrong.
Status ValidateImage(const BlobStore& store, const Descriptor& root);

}  // namespace strake::oci

#endif  // STRAKE_OCI_VALIDATE_H_
