// A directory of blobs named by their digest: `blobs/sha256/<hex>` of an OCI
// image layout (image-spec image-layout.md, "Blobs").
//
// Publication is atomic: a blob is written aside (in `.strake/ingest/`),
// verified, and renamed into place, so a name is either absent or whole. Any
// number of threads and processes may use one store at once: the same blob
// written twice is the same bytes. Blobs are never changed.
//
// No fsync is done (a store is a cache), but a torn blob is never passed off as
// good: what an earlier boot of the machine left unsynced is verified when it
// is opened first (see blob_store.cc).

#ifndef STRAKE_OCI_BLOB_STORE_H_
#define STRAKE_OCI_BLOB_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "oci/descriptor.h"
#include "oci/digest.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::oci {

struct BlobInfo {
  Digest digest;
  uint64_t size_bytes = 0;
};

// A blob being written. Dropped without `Commit`, it leaves nothing behind.
class BlobWriter : public ByteSink {
 public:
  using ByteSink::Write;
  // Publishes what was written under its digest and returns both. `kCorrupt`
  // if `expected` (where not empty) or `expected_size` (where not
  // `kAnySize`) differs: nothing is published then.
  static constexpr uint64_t kAnySize = ~uint64_t{0};
  virtual Result<BlobInfo> Commit(const Digest& expected = {},
                                  uint64_t expected_size = kAnySize) = 0;
  virtual uint64_t bytes_written() const = 0;
  // The file that is written, for `BlobObserver::Began`. REQUIRES: `Commit` was
  // not called.
  virtual Result<UniqueFd> File() const = 0;
};

// Where a new blob is hashed.
enum class BlobHashing {
  kWriter,    // by the thread that writes it
  kOwnThread  // for a large blob
};

class BlobStore {
 public:
  // The store in `directory`, made if it is not there (parents too).
  static Result<BlobStore> Open(const std::string& directory);

  BlobStore(BlobStore&&) noexcept;
  BlobStore& operator=(BlobStore&&) noexcept;
  ~BlobStore();

  const std::string& directory() const;

  // `kNotFound` where there is no such blob.
  Result<BlobInfo> Stat(const Digest& digest) const;
  bool Contains(const Digest& digest) const;
  // A source of the blob's bytes; `kCorrupt` if its size is not the
  // descriptor's.
  Result<std::unique_ptr<ByteSource>> Open(const Descriptor& blob) const;
  Result<UniqueFd> OpenFd(const Digest& digest) const;
  // The whole blob, verified against `digest`; for documents. `kCorrupt` where
  // the bytes are not those promised.
  Result<std::string> Read(const Digest& digest,
                           uint64_t limit_bytes = uint64_t{32} << 20) const;

  Result<std::unique_ptr<BlobWriter>> Create(
      BlobHashing hashing = BlobHashing::kWriter) const;
  // Stores `content` and returns its descriptor with `media_type`.
  Result<Descriptor> Put(std::string_view content,
                         std::string_view media_type) const;

  // The path of the blob, whether it exists or not.
  std::string PathOf(const Digest& digest) const;
  // Every blob, in digest order.
  Result<std::vector<BlobInfo>> List() const;
  // A missing blob is fine.
  Status Remove(const Digest& digest) const;
  // Removes what writers that died left in `.strake/ingest/`: files unlocked by
  // any living process.
  Status RemoveAbandonedIngests() const;

 private:
  struct State;
  explicit BlobStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_BLOB_STORE_H_
