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

// What is to be found of an image that may be damaged.
struct DamagedWalk {
  struct Damage {
    Descriptor document;
    Error error;  // as `WalkImage` would give it
  };
  // As `WalkImage` orders them, with the damaged documents themselves; what a
  // document leads to that cannot be read is not known.
  std::vector<Descriptor> blobs;
  std::vector<Damage> damages;
};

// As `WalkImage`, but goes on after what cannot be read, and takes a document
// of another size than was promised.
DamagedWalk WalkDamagedImage(const BlobStore& store, const Descriptor& root);

}  // namespace strake::oci

#endif  // STRAKE_OCI_WALK_H_
