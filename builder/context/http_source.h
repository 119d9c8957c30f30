// Files from the web, for ADD.
//
// Content is kept in the blob store by its digest, and what the server said of
// it (ETag, Last-Modified) beside it: the next build asks whether it changed,
// and downloads nothing where it did not.

#ifndef STRAKE_BUILDER_CONTEXT_HTTP_SOURCE_H_
#define STRAKE_BUILDER_CONTEXT_HTTP_SOURCE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "builder/context/secrets.h"
#include "oci/blob_store.h"
#include "oci/digest.h"
#include "registry/client.h"
#include "util/result.h"

namespace strake::builder::context {

struct FetchedFile {
  oci::Digest digest;
  uint64_t size_bytes = 0;
  // Last-Modified, else the epoch's start.
  std::chrono::seconds modified{0};
};

// Thread-safe. Equal URLs are fetched once.
class HttpSource {
 public:
  // `records_path` is the file that remembers what was fetched. `secrets` may
  // hold HTTP_AUTH_HEADER_<host> or HTTP_AUTH_TOKEN_<host>. Store and secrets
  // are borrowed.
  HttpSource(const registry::ClientOptions& options,
             const oci::BlobStore& store, const Secrets& secrets,
             std::string records_path);
  ~HttpSource();

  // The file at `url`, in the store when this returns.
  //   checksum  what its digest must be; none: anything
  // Errors: `kNotFound`, `kUnauthorized`, `kUnavailable` (status and URL),
  // `kCorrupt` (another digest).
  Result<FetchedFile> Fetch(
      const std::string& url, const std::optional<oci::Digest>& checksum,
      const std::function<void(uint64_t current, uint64_t total)>& on_bytes,
      std::stop_token stop);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_HTTP_SOURCE_H_
