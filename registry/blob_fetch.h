// One download of a blob that any number of readers follow while it runs.

#ifndef STRAKE_REGISTRY_BLOB_FETCH_H_
#define STRAKE_REGISTRY_BLOB_FETCH_H_

#include <condition_variable>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <utility>

#include "oci/descriptor.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "registry/server_storage.h"
#include "util/guarded.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::registry {

// Thread-safe.
class BlobFetch {
 public:
  explicit BlobFetch(oci::Descriptor blob) : blob_(std::move(blob)) {}

  // Downloads the blob from `source` into `repository` of `storage`, and the
  // other repositories of `Want`, which have it once it is verified. Called
  // once, by a thread of its own.
  void Run(const Client& client, const oci::Reference& source,
           const std::string& repository, ServerStorage& storage,
           std::stop_token stop);

  // `repository` is to have it, too. False once that is over: it succeeded or
  // failed before.
  bool Want(const std::string& repository);

  // Waits for what is at `offset`. The last byte is there only when all are
  // verified. The error is that of the download.
  Result<size_t> Read(uint64_t offset, std::span<std::byte> buffer);

  uint64_t size_bytes() const { return blob_.size_bytes; }

 private:
  struct State {
    std::set<std::string> repositories;
    UniqueFd file;  // readable; once there are bytes
    uint64_t written_bytes = 0;
    bool closing = false;  // nobody more is taken
    std::optional<Status> ended;
  };
  class Progress;

  Status Download(const Client& client, const oci::Reference& source,
                  const std::string& repository, ServerStorage& storage,
                  std::stop_token stop);
  Status LinkAll(ServerStorage& storage);
  void Opened(UniqueFd file, uint64_t written_bytes);

  const oci::Descriptor blob_;
  Guarded<State> state_;
  std::condition_variable changed_;
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_BLOB_FETCH_H_
