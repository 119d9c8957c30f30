#include "registry/manifest_transfer.h"

#include <optional>
#include <string>

#include "oci/manifest.h"
#include "oci/media_type.h"
#include "registry/registry_error.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

// distribution-spec asks for 4 MiB at least; some indexes are larger.
constexpr uint64_t kManifestLimitBytes = uint64_t{16} << 20;

std::string Describe(const oci::Reference& reference) {
  return "manifest of " + reference.ToString();
}

ApiRequest ManifestRequest(const std::string& method, const Endpoint& endpoint,
                           const oci::Reference& reference) {
  ApiRequest request;
  request.target = {reference.registry, reference.repository};
  request.endpoint = endpoint;
  request.scopes = {RepositoryScope(reference.repository, "pull")};
  request.http.method = method;
  request.http.url =
      ManifestUrl(endpoint, reference.repository, reference.TagOrDigest());
  std::string accept;
  for (std::string_view type :
       {oci::kMediaTypeIndex, oci::kMediaTypeManifest,
        oci::kDockerMediaTypeIndex, oci::kDockerMediaTypeManifest}) {
    if (!accept.empty()) accept += ", ";
    accept += type;
  }
  request.http.headers.Add("Accept", accept + ", */*;q=0.1");
  request.http.body_limit_bytes = kManifestLimitBytes;
  return request;
}

std::string ContentType(const HttpResponse& response) {
  std::string type = response.headers.Get("Content-Type");
  return std::string(Trim(std::string_view(type).substr(0, type.find(';'))));
}

// The digest that the registry announces; nothing where it announces none, or
// one of an algorithm that is not ours.
std::optional<oci::Digest> AnnouncedDigest(const HttpResponse& response) {
  auto digest =
      oci::Digest::Parse(response.headers.Get("Docker-Content-Digest"));
  if (!digest) return {};
  return *digest;
}

// The whole descriptor, where the answer to a HEAD says everything.
std::optional<oci::Descriptor> DescriptorOf(const HttpResponse& head,
                                            const oci::Reference& reference) {
  auto digest = AnnouncedDigest(head);
  auto size = ParseUint(head.headers.Get("Content-Length"));
  std::string type = ContentType(head);
  bool known_type = oci::IsIndex(type) || oci::IsManifest(type);
  if (head.status != 200 || !digest || !size || !known_type) return {};
  if (reference.digest && *reference.digest != *digest) return {};
  oci::Descriptor descriptor;
  descriptor.media_type = std::move(type);
  descriptor.digest = *digest;
  descriptor.size_bytes = *size;
  return descriptor;
}

Result<FetchedManifest> ReadManifest(const oci::Reference& reference,
                                     HttpResponse response) {
  FetchedManifest fetched;
  fetched.descriptor.digest = oci::Digest::Of(response.body);
  fetched.descriptor.size_bytes = response.body.size();
  std::optional<oci::Digest> promised = reference.digest;
  if (!promised) promised = AnnouncedDigest(response);
  if (promised && *promised != fetched.descriptor.digest) {
    return Corrupt("the registry promised " + promised->ToString() +
                   " and sent content with digest " +
                   fetched.descriptor.digest.ToString());
  }
  std::string type = ContentType(response);
  if (!oci::IsIndex(type) && !oci::IsManifest(type)) {
    ASSIGN_OR_RETURN(type, oci::DetectMediaType(response.body));
  }
  fetched.descriptor.media_type = std::move(type);
  fetched.bytes = std::move(response.body);
  return fetched;
}

}  // namespace

Result<FetchedManifest> FetchManifest(Transport& transport,
                                      const oci::Reference& reference,
                                      std::stop_token stop, Tries tries) {
  std::string what = Describe(reference);
  auto fail = [&](Error error) { return std::move(error).Wrap(what); };
  auto endpoint = transport.Connect(reference, stop, tries);
  if (!endpoint) return fail(std::move(endpoint).error());
  auto response =
      transport.Send(ManifestRequest("GET", *endpoint, reference), stop, tries);
  if (!response) return fail(std::move(response).error());
  if (response->status != 200) return AnswerError(what, *response);
  auto fetched = ReadManifest(reference, std::move(response).value());
  if (!fetched) return fail(std::move(fetched).error());
  return fetched;
}

Result<oci::Descriptor> ResolveManifest(Transport& transport,
                                        const oci::Reference& reference,
                                        std::stop_token stop, Tries tries) {
  auto endpoint = transport.Connect(reference, stop, tries);
  if (!endpoint) {
    return std::move(endpoint).error().Wrap(Describe(reference));
  }
  auto head = transport.Send(ManifestRequest("HEAD", *endpoint, reference),
                             stop, tries);
  if (!head) return std::move(head).error().Wrap(Describe(reference));
  if (auto descriptor = DescriptorOf(*head, reference)) return *descriptor;
  // Either the head leaves something open, or it is a refusal, whose reason
  // only the answer to a GET can hold.
  ASSIGN_OR_RETURN(FetchedManifest fetched,
                   FetchManifest(transport, reference, stop, tries));
  return std::move(fetched.descriptor);
}

namespace {

Result<HttpResponse> SendManifest(Transport& transport,
                                  const oci::Reference& reference,
                                  std::string_view bytes,
                                  std::string_view media_type,
                                  const HttpHeaders& headers,
                                  std::stop_token stop) {
  oci::Digest digest = oci::Digest::Of(bytes);
  if (reference.digest && *reference.digest != digest) {
    return InvalidArgument("the content has another digest");
  }
  ASSIGN_OR_RETURN(Endpoint endpoint, transport.Connect(reference, stop));
  ApiRequest request;
  request.target = {reference.registry, reference.repository};
  request.endpoint = endpoint;
  request.scopes = {RepositoryScope(reference.repository, "pull,push")};
  request.http.method = "PUT";
  request.http.url =
      ManifestUrl(endpoint, reference.repository,
                  reference.tag.empty() ? digest.ToString() : reference.tag);
  request.http.headers = headers;
  request.http.headers.Add("Content-Type", std::string(media_type));
  request.http.body = bytes;
  return transport.Send(request, stop);
}

// What the answer to a PUT says of it.
Status CheckStored(const std::string& what, const oci::Digest& digest,
                   const HttpResponse& response) {
  if (response.status != 201 && response.status != 202 &&
      response.status != 200) {
    return AnswerError(what, response);
  }
  auto stored = AnnouncedDigest(response);
  if (stored && *stored != digest) {
    return Corrupt(what + ": the registry stored it as " + stored->ToString());
  }
  return {};
}

std::string DescribePut(const oci::Reference& reference,
                        const oci::Digest& digest) {
  return "push of manifest " + digest.ToString() + " to " +
         reference.ToString();
}

}  // namespace

Status PutManifest(Transport& transport, const oci::Reference& reference,
                   std::string_view bytes, std::string_view media_type,
                   std::stop_token stop) {
  oci::Digest digest = oci::Digest::Of(bytes);
  std::string what = DescribePut(reference, digest);
  auto response =
      SendManifest(transport, reference, bytes, media_type, {}, stop);
  if (!response) return std::move(response).error().Wrap(what);
  return CheckStored(what, digest, *response);
}

Result<ConditionalPut> PutManifestIf(Transport& transport,
                                     const oci::Reference& reference,
                                     std::string_view bytes,
                                     std::string_view media_type,
                                     const std::optional<oci::Digest>& current,
                                     std::stop_token stop) {
  oci::Digest digest = oci::Digest::Of(bytes);
  std::string what = DescribePut(reference, digest);
  HttpHeaders headers;
  if (current) {
    headers.Add("If-Match", "\"" + current->ToString() + "\"");
  } else {
    headers.Add("If-None-Match", "*");
  }
  auto response =
      SendManifest(transport, reference, bytes, media_type, headers, stop);
  if (!response) return std::move(response).error().Wrap(what);
  if (response->status == 412) return ConditionalPut::kMoved;
  RETURN_IF_ERROR(CheckStored(what, digest, *response));
  return ConditionalPut::kStored;
}

}  // namespace strake::registry
