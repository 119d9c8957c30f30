// Told of a blob while it is being written, from the thread that writes it.
// Dropped without `Ended`: the blob came to nothing.

#ifndef STRAKE_OCI_BLOB_OBSERVER_H_
#define STRAKE_OCI_BLOB_OBSERVER_H_

#include <cstdint>

#include "oci/descriptor.h"
#include "util/unique_fd.h"

namespace strake::oci {

class BlobObserver {
 public:
  virtual ~BlobObserver() = default;
  // `content` is the file that grows, to be read with pread(2): its position is
  // the writer's.
  virtual void Began(UniqueFd content) = 0;
  // The file has `size_bytes` bytes, which stay as they are.
  virtual void Grew(uint64_t size_bytes) = 0;
  virtual void Ended(const Descriptor& blob) = 0;
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_BLOB_OBSERVER_H_
