#include "registry/client.h"

#include <algorithm>
#include <set>
#include <utility>

#include "oci/media_type.h"
#include "registry/blob_download.h"
#include "registry/blob_upload.h"
#include "registry/content_lists.h"
#include "registry/endpoint.h"
#include "registry/growing_upload.h"
#include "registry/http_client.h"
#include "registry/manifest_transfer.h"
#include "registry/registry_error.h"
#include "registry/transport.h"
#include "util/guarded.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

Status PingWith(Transport& transport, const std::string& registry,
                std::stop_token stop) {
  auto endpoint = transport.Connect({registry, "", "", {}}, stop);
  if (!endpoint) return std::move(endpoint).error();
  ApiRequest request;
  request.target.registry = registry;
  request.endpoint = *endpoint;
  request.http.url = PingUrl(*endpoint);
  ASSIGN_OR_RETURN(HttpResponse response, transport.Send(request, stop));
  if (response.status / 100 == 2) return {};
  return AnswerError("registry " + registry + ": " + request.http.url,
                     response);
}

}  // namespace

class Client::Impl {
 public:
  explicit Impl(ClientOptions options)
      : options_(std::move(options)),
        http_(options_),
        transport_(http_, options_, options_.credentials) {}

  const ClientOptions& options() const { return options_; }
  const HttpClient& http() const { return http_; }
  Transport& transport() { return transport_; }

  // A request to a URL of `repository` that `url` makes from the endpoint.
  template <typename MakeUrl>
  Result<ApiRequest> Request(const char* method,
                             const oci::Reference& repository,
                             const char* actions, MakeUrl url,
                             std::stop_token stop) {
    ASSIGN_OR_RETURN(Endpoint endpoint, transport_.Connect(repository, stop));
    ApiRequest request;
    request.target = {repository.registry, repository.repository};
    request.scopes = {RepositoryScope(repository.repository, actions)};
    request.http.method = method;
    request.http.url = url(endpoint);
    request.endpoint = std::move(endpoint);
    return request;
  }

  // `PullPlaces` without the mirrors that could not be reached before.
  Result<std::vector<oci::Reference>> PullPlaces(
      const oci::Reference& reference) {
    ASSIGN_OR_RETURN(auto places, options_.registries.PullPlaces(reference));
    auto unreachable = unreachable_.lock();
    auto mirrors_end = places.end() - 1;
    places.erase(std::remove_if(places.begin(), mirrors_end,
                                [&](const oci::Reference& place) {
                                  return unreachable->contains(place.registry);
                                }),
                 mirrors_end);
    return places;
  }

  // What `fetch(place, tries)` gets from the first place that has it. The error
  // is that of the last, and tells of the mirrors.
  template <typename T, typename Fetch>
  Result<T> FromAnyPlace(const oci::Reference& reference, std::stop_token stop,
                         Fetch fetch) {
    ASSIGN_OR_RETURN(auto places, PullPlaces(reference));
    std::string failures;
    for (size_t i = 0; i + 1 < places.size(); ++i) {
      Result<T> result = fetch(places[i], Tries::kOne);
      if (result || stop.stop_requested()) return result;
      failures += "; " + result.error().message();
      if (result.error().code() == ErrorCode::kUnavailable) {
        unreachable_.lock()->insert(places[i].registry);
      }
    }
    Result<T> result = fetch(places.back(), Tries::kAll);
    if (result || failures.empty()) return result;
    return Error(
        result.error().code(),
        result.error().message() + " (mirrors before it" + failures + ")");
  }

  std::unique_ptr<GrowingUpload> StartUpload(const oci::Reference& repository,
                                             UniqueFd content) {
    if (takes_whole_blobs_.lock()->contains(repository.registry)) return {};
    return std::make_unique<GrowingUpload>(
        transport_, repository, std::move(content),
        [this, registry = repository.registry] {
          takes_whole_blobs_.lock()->insert(registry);
        });
  }

  // The answer to DELETE of what `url` makes from the endpoint.
  template <typename MakeUrl>
  Result<HttpResponse> Delete(const oci::Reference& repository,
                              const std::string& what, MakeUrl url,
                              std::stop_token stop) {
    auto request = Request("DELETE", repository, "pull,push,delete", url, stop);
    if (!request) return std::move(request).error().Wrap(what);
    auto response = transport_.Send(*request, stop);
    if (!response) return std::move(response).error().Wrap(what);
    return response;
  }

  Result<oci::Descriptor> StatBlob(const oci::Reference& repository,
                                   const oci::Digest& digest,
                                   std::stop_token stop, Tries tries) {
    std::string what = "blob " + digest.ToString() + " of " + repository.Name();
    auto request = Request(
        "HEAD", repository, "pull",
        [&](const Endpoint& endpoint) {
          return BlobUrl(endpoint, repository.repository, digest);
        },
        stop);
    if (!request) return std::move(request).error().Wrap(what);
    auto response = transport_.Send(*request, stop, tries);
    if (!response) return std::move(response).error().Wrap(what);
    if (response->status != 200) return AnswerError(what, *response);
    auto size = ParseUint(response->headers.Get("Content-Length"));
    if (!size) return Unsupported(what + ": the registry tells no size");
    oci::Descriptor blob;
    blob.media_type = "application/octet-stream";
    blob.digest = digest;
    blob.size_bytes = *size;
    return blob;
  }

  Result<bool> Exists(const ApiRequest& request, const std::string& what,
                      std::stop_token stop) {
    auto response = transport_.Send(request, stop);
    if (!response) return std::move(response).error().Wrap(what);
    if (response->status == 200) return true;
    if (response->status == 404) return false;
    return AnswerError(what, *response);
  }

 private:
  const ClientOptions options_;
  HttpClient http_;
  Transport transport_;
  // Registries of mirrors that failed; not asked again by this client.
  Guarded<std::set<std::string>> unreachable_;
  // Registries that did not take a blob while it grew.
  Guarded<std::set<std::string>> takes_whole_blobs_;
};

Client::Client(ClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

Client::~Client() = default;

Status Client::Ping(const std::string& registry, std::stop_token stop) const {
  return PingWith(impl_->transport(), CanonicalRegistry(registry), stop);
}

Status Client::CheckLogin(const std::string& registry,
                          const Credential& credential,
                          std::stop_token stop) const {
  std::string name = CanonicalRegistry(registry);
  Credentials credentials;
  credentials.Set(name, credential);
  // A transport of its own: no token obtained otherwise may answer for it.
  Transport transport(impl_->http(), impl_->options(), credentials);
  return PingWith(transport, name, stop);
}

Result<oci::Descriptor> Client::ResolveManifest(const oci::Reference& reference,
                                                std::stop_token stop) const {
  return impl_->FromAnyPlace<oci::Descriptor>(
      reference, stop, [&](const oci::Reference& place, Tries tries) {
        return registry::ResolveManifest(impl_->transport(), place, stop,
                                         tries);
      });
}

Result<FetchedManifest> Client::FetchManifest(const oci::Reference& reference,
                                              std::stop_token stop) const {
  return impl_->FromAnyPlace<FetchedManifest>(
      reference, stop, [&](const oci::Reference& place, Tries tries) {
        return registry::FetchManifest(impl_->transport(), place, stop, tries);
      });
}

Status Client::PutManifest(const oci::Reference& reference,
                           std::string_view bytes, std::string_view media_type,
                           std::stop_token stop) const {
  return registry::PutManifest(impl_->transport(), reference, bytes, media_type,
                               stop);
}

Result<ConditionalPut> Client::PutManifestIf(
    const oci::Reference& reference, std::string_view bytes,
    std::string_view media_type, const std::optional<oci::Digest>& current,
    std::stop_token stop) const {
  return registry::PutManifestIf(impl_->transport(), reference, bytes,
                                 media_type, current, stop);
}

Result<bool> Client::KeepsConditions(const oci::Reference& repository,
                                     std::string_view bytes,
                                     std::string_view media_type,
                                     std::stop_token stop) const {
  const oci::Reference by_digest =
      oci::ByDigest(repository, oci::Digest::Of(bytes));
  // Nothing has this digest, so no registry that looks can store it.
  auto put = PutManifestIf(by_digest, bytes, media_type,
                           oci::Digest::Of("no manifest"), stop);
  if (!put) return std::move(put).error();
  return *put == ConditionalPut::kMoved;
}

Result<bool> Client::HasManifest(const oci::Reference& repository,
                                 const oci::Digest& digest,
                                 std::stop_token stop) const {
  std::string what =
      "manifest " + digest.ToString() + " of " + repository.Name();
  auto request = impl_->Request(
      "HEAD", repository, "pull",
      [&](const Endpoint& endpoint) {
        return ManifestUrl(endpoint, repository.repository, digest.ToString());
      },
      stop);
  if (!request) return std::move(request).error().Wrap(what);
  for (std::string_view type :
       {oci::kMediaTypeIndex, oci::kMediaTypeManifest,
        oci::kDockerMediaTypeIndex, oci::kDockerMediaTypeManifest}) {
    request->http.headers.Add("Accept", std::string(type));
  }
  return impl_->Exists(*request, what, stop);
}

Result<bool> Client::HasBlob(const oci::Reference& repository,
                             const oci::Digest& digest,
                             std::stop_token stop) const {
  std::string what = "blob " + digest.ToString() + " of " + repository.Name();
  auto request = impl_->Request(
      "HEAD", repository, "pull",
      [&](const Endpoint& endpoint) {
        return BlobUrl(endpoint, repository.repository, digest);
      },
      stop);
  if (!request) return std::move(request).error().Wrap(what);
  return impl_->Exists(*request, what, stop);
}

Result<oci::Descriptor> Client::StatBlob(const oci::Reference& repository,
                                         const oci::Digest& digest,
                                         std::stop_token stop) const {
  oci::Reference name = repository;
  name.tag.clear();
  name.digest.reset();
  return impl_->FromAnyPlace<oci::Descriptor>(
      name, stop, [&](const oci::Reference& place, Tries tries) {
        return impl_->StatBlob(place, digest, stop, tries);
      });
}

Status Client::FetchBlob(const oci::Reference& repository,
                         const oci::Descriptor& blob, ByteSink& sink,
                         const BytesCallback& on_bytes,
                         std::stop_token stop) const {
  ByteSink* next = &sink;
  auto open = [&]() -> Result<ByteSink*> {
    return std::exchange(next, nullptr);
  };
  return FetchBlob(repository, blob, BlobSinkOpener(open), on_bytes, stop);
}

Status Client::FetchBlob(const oci::Reference& repository,
                         const oci::Descriptor& blob,
                         const BlobSinkOpener& open,
                         const BytesCallback& on_bytes,
                         std::stop_token stop) const {
  // Any mirror may have it, whatever may be asked of it by tag.
  oci::Reference name = repository;
  name.tag.clear();
  name.digest.reset();
  ASSIGN_OR_RETURN(auto places, impl_->PullPlaces(name));
  return DownloadBlob(impl_->transport(), places, blob, open, on_bytes, stop);
}

Status Client::UploadBlob(const oci::Reference& repository,
                          const oci::Descriptor& blob, const BlobOpener& open,
                          const BytesCallback& on_bytes,
                          std::stop_token stop) const {
  return registry::UploadBlob(impl_->transport(), repository, blob, open,
                              impl_->options().upload_chunk_bytes, on_bytes,
                              stop);
}

std::unique_ptr<GrowingUpload> Client::StartUpload(
    const oci::Reference& repository, UniqueFd content) const {
  return impl_->StartUpload(repository, std::move(content));
}

Result<MountResult> Client::MountBlob(const oci::Reference& repository,
                                      const oci::Digest& digest,
                                      const std::string& from_repository,
                                      std::stop_token stop) const {
  // distribution-spec, "Mounting a blob from another repository".
  auto request = impl_->Request(
      "POST", repository, "pull,push",
      [&](const Endpoint& endpoint) {
        std::string url = UploadsUrl(endpoint, repository.repository);
        url = WithQuery(std::move(url), "mount", digest.ToString());
        return WithQuery(std::move(url), "from", from_repository);
      },
      stop);
  if (!request) return std::move(request).error();
  request->scopes.push_back(RepositoryScope(from_repository, "pull"));
  auto response = impl_->transport().Send(*request, stop);
  if (!response) {
    if (response.error().code() == ErrorCode::kCancelled) {
      return std::move(response).error();
    }
    return MountResult::kNotMounted;
  }
  if (response->status == 201) return MountResult::kMounted;
  std::string location = response->headers.Get("Location");
  if (response->status == 202 && !location.empty()) {
    // An upload session was opened instead; nobody will use it.
    ApiRequest cancel = *request;
    cancel.http.method = "DELETE";
    cancel.http.url = ResolveUrl(response->url, location);
    static_cast<void>(impl_->transport().SendOnce(cancel, stop));
  }
  return MountResult::kNotMounted;
}

Result<std::vector<std::string>> Client::ListTags(
    const oci::Reference& repository, const ListOptions& options,
    std::stop_token stop) const {
  return registry::ListTags(impl_->transport(), repository, options, stop);
}

Result<std::vector<std::string>> Client::ListRepositories(
    const std::string& registry, const ListOptions& options,
    std::stop_token stop) const {
  return registry::ListRepositories(impl_->transport(),
                                    CanonicalRegistry(registry), options, stop);
}

Result<std::optional<std::vector<oci::Descriptor>>> Client::ListReferrers(
    const oci::Reference& repository, const oci::Digest& subject,
    const std::string& artifact_type, std::stop_token stop) const {
  return ListReferrersByApi(impl_->transport(), repository, subject,
                            artifact_type, stop);
}

Status Client::DeleteManifest(const oci::Reference& reference,
                              std::stop_token stop) const {
  const std::string what = "delete of " + reference.ToString();
  ASSIGN_OR_RETURN(HttpResponse response,
                   impl_->Delete(
                       reference, what,
                       [&](const Endpoint& endpoint) {
                         return ManifestUrl(endpoint, reference.repository,
                                            reference.TagOrDigest());
                       },
                       stop));
  if (response.status / 100 == 2) return {};
  // distribution-spec, "Deleting tags": 400 or 405 of a registry that does not.
  if (!reference.digest && (response.status == 400 || response.status == 405)) {
    return Unsupported(what + ": the registry refused it (" +
                       DescribeAnswer(response) + ")");
  }
  return AnswerError(what, response);
}

Status Client::DeleteBlob(const oci::Reference& repository,
                          const oci::Digest& digest,
                          std::stop_token stop) const {
  const std::string what =
      "delete of blob " + digest.ToString() + " of " + repository.Name();
  ASSIGN_OR_RETURN(HttpResponse response,
                   impl_->Delete(
                       repository, what,
                       [&](const Endpoint& endpoint) {
                         return BlobUrl(endpoint, repository.repository,
                                        digest);
                       },
                       stop));
  if (response.status / 100 == 2) return {};
  return AnswerError(what, response);
}

}  // namespace strake::registry
