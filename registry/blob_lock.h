// Held while a blob comes into a store, so that no other thread or process
// fetches it meanwhile.

#ifndef STRAKE_REGISTRY_BLOB_LOCK_H_
#define STRAKE_REGISTRY_BLOB_LOCK_H_

#include <stop_token>
#include <string>
#include <utility>

#include "oci/blob_store.h"
#include "oci/digest.h"
#include "util/atomic_file.h"
#include "util/result.h"

namespace strake::registry {

// Ends with its owner, and with the process at the latest.
class BlobLock {
 public:
  // Waits for whoever holds it; `kCancelled` once `stop` is requested. The blob
  // may be there afterwards.
  static Result<BlobLock> Acquire(const oci::BlobStore& store,
                                  const oci::Digest& digest,
                                  std::stop_token stop);
  BlobLock(BlobLock&& other) noexcept
      : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  BlobLock& operator=(BlobLock&&) = delete;
  ~BlobLock();

 private:
  BlobLock(std::string path, FileLock lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;  // empty: moved from
  FileLock lock_;
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_BLOB_LOCK_H_
