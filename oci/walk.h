// Every blob that an image is made of.

#ifndef STRAKE_OCI_WALK_H_
#define STRAKE_OCI_WALK_H_

#include <vector>

#include "oci/blob_store.h"
#include "oci/descriptor.h"
#include "util/result.h"

namespace strake::oci {

// What `root` (an index, a manifest or a plain blob) reaches in `store`,
// children before parents, `root` last, each digest once: the order in which a
// registry takes them. `kNotFound` or `kCorrupt` names the document that could
// not be read; layers and configs need not be in the store.
Result<std::vector<Descriptor>> WalkImage(const BlobStore& store,
                                          const Descriptor& root);

}  // namespace strake::oci

#endif  // STRAKE_OCI_WALK_H_
