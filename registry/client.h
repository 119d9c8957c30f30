// A client of OCI distribution-spec 1.1: one function an endpoint.
//
// Thread-safe: any number of threads may use one client at once, and should,
// since it keeps connections and tokens for all. Every request is authorised
// (basic, or a bearer token fetched and cached by scope), retried where that
// can help (`RetryPolicy`), and given up when its stop token says so. Bodies of
// blobs stream; only manifests are held in memory, bounded. Manifests and blobs
// are fetched from the mirrors of `ClientOptions::registries` first; all else
// is asked of the registry that the reference names.
//
// Errors of all functions, with the registry named in the message:
//   kNotFound      the registry says 404; the message says what was asked for
//   kUnauthorized  401 or 403; names the user, never the secret
//   kUnavailable   no connection, or an answer that several tries did not
//                  mend; names host:port and the reason
//   kCorrupt       bytes differ from their digest or size
//   kUnsupported   the registry answered something that the spec has not
//   kCancelled     `stop` was requested

#ifndef STRAKE_REGISTRY_CLIENT_H_
#define STRAKE_REGISTRY_CLIENT_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "oci/descriptor.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "registry/credentials.h"
#include "registry/host_tls.h"
#include "registry/registries_config.h"
#include "registry/retry.h"
#include "registry/stall_watch.h"
#include "registry/traffic.h"
#include "util/byte_stream.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::registry {

// Proxies, as the caller found them; a URL each, or empty. Loopback hosts are
// never asked through a proxy.
struct ProxyOptions {
  std::string http = {};
  std::string https = {};
  std::string no_proxy = {};  // "host,.domain,10.0.0.1,*"
};

// What clouds and CI systems leave in the environment of a job to log in with
// (cloud_logins.h); used for registries of theirs that `credentials` have
// nothing for.
struct CloudLoginOptions {
  // Environment variables as documented by each, by name.
  std::map<std::string, std::string, std::less<>> variables = {};
  // The machine is Google's: its metadata server may be asked.
  bool on_google_machine = false;
  // Where Azure registries exchange tokens; empty: at themselves.
  std::string acr_exchange_origin = {};
};

struct ClientOptions {
  Credentials credentials = {};
  CloudLoginOptions cloud_logins = {};
  // Mirrors, other locations, blocked and insecure registries.
  RegistriesConfig registries = {};
  // "host:port", or "host" for any port: may be spoken to without a verified
  // certificate or in plain HTTP (endpoint.h). Loopback needs no entry.
  std::vector<std::string> insecure_registries = {};
  std::string user_agent = "strake";
  TlsOptions tls = {};
  ProxyOptions proxy = {};
  RetryPolicy retry = {};
  std::chrono::milliseconds connect_timeout{20'000};
  // When an exchange that does not move has failed. There is no limit to its
  // total time.
  StallLimits stall = {};
  // Limits of rate and of requests at once, with whoever else holds it; null:
  // none.
  std::shared_ptr<Traffic> traffic = {};
  // Blobs larger than this are uploaded in several requests of this size; 0:
  // each in one request, and in several only where the registry (or a proxy
  // before it) refuses the size.
  uint64_t upload_chunk_bytes = 0;
};

// A manifest or an index, and its bytes as the registry has them.
struct FetchedManifest {
  oci::Descriptor descriptor;
  std::string bytes;
};

// Receives how many bytes of one blob have been moved so far, rising from 0.
using BytesCallback = std::function<void(uint64_t current_bytes)>;

// Opens the content of a blob from byte `offset` on. May be called several
// times: an upload that failed is resumed or started again.
using BlobOpener =
    std::function<Result<std::unique_ptr<ByteSource>>(uint64_t offset_bytes)>;

// Gives the sink (borrowed, left unfinished) for a blob from its first byte on.
// Called again where what came proved wrong: what was written before must be
// thrown away. Null: there is none, the failure stands.
using BlobSinkOpener = std::function<Result<ByteSink*>()>;

enum class MountResult {
  kMounted,
  kNotMounted,  // the registry would not; upload the blob
};

enum class ConditionalPut { kStored, kMoved };

class GrowingUpload;  // growing_upload.h

struct ListOptions {
  size_t limit = 0;  // names wanted at most; 0: all
};

class Client {
 public:
  explicit Client(ClientOptions options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  // GET /v2/: that there is a registry and that our credentials (if any) are
  // good.
  Status Ping(const std::string& registry, std::stop_token stop = {}) const;
  // The same with `credential` instead of those in the options. For `login`:
  // `kUnauthorized` where the registry refuses it, or where it needs none and
  // could not tell.
  Status CheckLogin(const std::string& registry, const Credential& credential,
                    std::stop_token stop = {}) const;

  // What `reference` names (its digest, else its tag, else "latest"): media
  // type, digest and size; no content is transferred where the registry
  // answers a HEAD in full.
  Result<oci::Descriptor> ResolveManifest(const oci::Reference& reference,
                                          std::stop_token stop = {}) const;
  // The same with the content, verified: against the reference's digest where
  // it has one, else against the registry's `Docker-Content-Digest`.
  Result<FetchedManifest> FetchManifest(const oci::Reference& reference,
                                        std::stop_token stop = {}) const;
  // Stores `bytes` under the tag of `reference`, or under its digest where it
  // has no tag (which must then be that of `bytes`).
  Status PutManifest(const oci::Reference& reference, std::string_view bytes,
                     std::string_view media_type,
                     std::stop_token stop = {}) const;

  // The same where the tag (or digest) still names `current` (nothing: where it
  // names nothing); else `kMoved`, and nothing was changed there. Registries
  // that do not know conditions (RFC 9110, If-Match) store it in any case: see
  // `KeepsConditions`.
  Result<ConditionalPut> PutManifestIf(
      const oci::Reference& reference, std::string_view bytes,
      std::string_view media_type, const std::optional<oci::Digest>& current,
      std::stop_token stop = {}) const;
  // Whether the registry refuses what `PutManifestIf` must not store. Found out
  // by trying, under the digest of `bytes`, where that does no harm: afterwards
  // the registry may or may not have `bytes` there.
  Result<bool> KeepsConditions(const oci::Reference& repository,
                               std::string_view bytes,
                               std::string_view media_type,
                               std::stop_token stop = {}) const;

  // Below, of `repository` only registry and repository are looked at.

  // Whether the registry has the manifest / the blob there.
  Result<bool> HasManifest(const oci::Reference& repository,
                           const oci::Digest& digest,
                           std::stop_token stop = {}) const;
  Result<bool> HasBlob(const oci::Reference& repository,
                       const oci::Digest& digest,
                       std::stop_token stop = {}) const;

  // The blob's size, as the registry tells it, and no more than that.
  // `kUnsupported` where it does not.
  Result<oci::Descriptor> StatBlob(const oci::Reference& repository,
                                   const oci::Digest& digest,
                                   std::stop_token stop = {}) const;

  // Writes the blob to a sink of `open`, continuing where a connection was cut.
  // Content whose size or digest is wrong is asked for once more from the same
  // host, then of the next that may have it.
  Status FetchBlob(const oci::Reference& repository,
                   const oci::Descriptor& blob, const BlobSinkOpener& open,
                   const BytesCallback& on_bytes = {},
                   std::stop_token stop = {}) const;
  // The same for a `sink` that cannot be begun again: wrong content is an error
  // at once. On `kCorrupt` and every other error the sink has been given some
  // bytes that must be thrown away.
  Status FetchBlob(const oci::Reference& repository,
                   const oci::Descriptor& blob, ByteSink& sink,
                   const BytesCallback& on_bytes = {},
                   std::stop_token stop = {}) const;

  // Uploads the blob, whether the registry has it or not. `blob.digest` is
  // trusted: the registry checks it.
  Status UploadBlob(const oci::Reference& repository,
                    const oci::Descriptor& blob, const BlobOpener& open,
                    const BytesCallback& on_bytes = {},
                    std::stop_token stop = {}) const;
  // Begins to upload a blob that is still being written to the file `content`;
  // the client must outlive it. Null where the registry is known to take whole
  // blobs only.
  std::unique_ptr<GrowingUpload> StartUpload(const oci::Reference& repository,
                                             UniqueFd content) const;
  // Makes `digest` of `from_repository`, on the same registry, available in
  // `repository`.
  Result<MountResult> MountBlob(const oci::Reference& repository,
                                const oci::Digest& digest,
                                const std::string& from_repository,
                                std::stop_token stop = {}) const;

  // Every tag, in the registry's order, through all pages.
  Result<std::vector<std::string>> ListTags(const oci::Reference& repository,
                                            const ListOptions& options = {},
                                            std::stop_token stop = {}) const;
  // Every repository of the registry, likewise. Not in the specification: many
  // registries refuse it.
  Result<std::vector<std::string>> ListRepositories(
      const std::string& registry, const ListOptions& options = {},
      std::stop_token stop = {}) const;
  // What the registry itself lists as referring to `subject`; nothing where it
  // has no such list (see referrers.h, which is for everybody else).
  //   artifact_type  asks for those alone, and may get all; empty: all
  Result<std::optional<std::vector<oci::Descriptor>>> ListReferrers(
      const oci::Reference& repository, const oci::Digest& subject,
      const std::string& artifact_type = "", std::stop_token stop = {}) const;

  // Removes a tag (where `reference` has no digest) or a manifest.
  // `kUnsupported` where the registry does not do that.
  Status DeleteManifest(const oci::Reference& reference,
                        std::stop_token stop = {}) const;
  // Removes a blob from the repository.
  Status DeleteBlob(const oci::Reference& repository, const oci::Digest& digest,
                    std::stop_token stop = {}) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_CLIENT_H_
