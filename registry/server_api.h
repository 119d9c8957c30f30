// The endpoints of distribution-spec over a `ServerStorage`, without HTTP: a
// request comes as a value and leaves as one.

#ifndef STRAKE_REGISTRY_SERVER_API_H_
#define STRAKE_REGISTRY_SERVER_API_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/digest.h"
#include "registry/server_storage.h"
#include "util/byte_stream.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::registry {

class PullThrough;

struct ServerRequest {
  std::string method;
  std::string path;  // decoded, without the query
  std::multimap<std::string, std::string> query;
  // The field of that name in any case, or "".
  std::function<std::string(const std::string& name)> header;
  // Writes the whole body to the sink; an error where the client broke off, or
  // the sink's. Call at most once.
  std::function<Status(ByteSink&)> read_body;

  // The first value of a query parameter, or "".
  std::string Query(const std::string& name) const;
};

struct ServerAnswer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string content_type;
  std::string body;
  // Sent instead of `body`: `file_bytes` bytes from `file_offset` on.
  UniqueFd file;
  uint64_t file_offset = 0;
  uint64_t file_bytes = 0;
  // Gives those bytes instead of `file`, by their place in the whole, as they
  // come; an error ends the connection.
  std::function<Result<size_t>(uint64_t offset, std::span<std::byte>)> read_at;
};

// Thread-safe.
class ServerApi {
 public:
  // All is borrowed.
  //   upstream  fetches what `storage` lacks, which nobody else may change
  //             then; null: nobody does
  ServerApi(ServerStorage& storage, bool read_only,
            PullThrough* upstream = nullptr)
      : storage_(storage), read_only_(read_only), upstream_(upstream) {}

  ServerAnswer Handle(const ServerRequest& request);

 private:
  // `repository` and what follows it, taken apart.
  struct Target {
    enum class Kind { kBlob, kUploads, kUpload, kManifest, kTags, kReferrers };
    Kind kind = Kind::kBlob;
    std::string repository;
    std::string reference;  // digest, tag, upload id or nothing
  };
  static std::optional<Target> ParseTarget(std::string_view path);

  ServerAnswer Dispatch(const ServerRequest& request, const Target& target);
  ServerAnswer Catalog(const ServerRequest& request);
  ServerAnswer Tags(const ServerRequest& request, const Target& target);
  ServerAnswer Referrers(const ServerRequest& request, const Target& target);

  // server_blobs.cc
  ServerAnswer Blob(const ServerRequest& request, const Target& target);
  ServerAnswer GetBlob(const ServerRequest& request, const Target& target,
                       const oci::Digest& digest);
  ServerAnswer FetchBlob(const ServerRequest& request, const Target& target,
                         const oci::Digest& digest);
  ServerAnswer StartUpload(const ServerRequest& request, const Target& target);
  ServerAnswer Upload(const ServerRequest& request, const Target& target);
  ServerAnswer UploadStatus(const Target& target, int status);
  ServerAnswer AppendToUpload(const ServerRequest& request,
                              const Target& target);
  ServerAnswer FinishUpload(const ServerRequest& request, const Target& target);
  // The answer that refuses the body, or nothing once it has been written.
  std::optional<ServerAnswer> TakeBody(const ServerRequest& request,
                                       const Target& target,
                                       ServerStorage::Upload& upload);

  // server_manifests.cc
  ServerAnswer Manifest(const ServerRequest& request, const Target& target);
  ServerAnswer GetManifest(const ServerRequest& request, const Target& target);
  ServerAnswer PutManifest(const ServerRequest& request, const Target& target);
  ServerAnswer DeleteManifest(const Target& target);

  ServerStorage& storage_;
  const bool read_only_;
  PullThrough* const upstream_;
};

// Keeps a manifest that is what it says, without a tag, and among the referrers
// of its subject. What it is made of need not be there.
Status StoreManifest(ServerStorage& storage, const std::string& repository,
                     const std::string& media_type, const std::string& bytes);

// distribution-spec, "Error Codes": {"errors": [{"code", "message"}]}.
ServerAnswer Refusal(int status, std::string_view code,
                     std::string_view message);
// What an error of the storage means to a client; `not_found_code` is the
// spec's for what was looked for.
ServerAnswer RefusalOf(const Error& error, std::string_view not_found_code);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_SERVER_API_H_
