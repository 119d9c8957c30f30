// From the name of a registry to the URLs of distribution-spec.
//
// Plain HTTP is spoken with two kinds of registry only:
// - on the loopback interface (127.0.0.0/8, ::1, localhost): http first, https
//   where the listener turns out to speak TLS;
// - listed by the user as insecure: https first, http where that fails.
// For both the certificate is not verified: whoever can forge it could answer
// in plain HTTP as well. All others are https, verified, and nothing else.

#ifndef STRAKE_REGISTRY_ENDPOINT_H_
#define STRAKE_REGISTRY_ENDPOINT_H_

#include <string>
#include <string_view>
#include <vector>

#include "oci/digest.h"

namespace strake::registry {

// One way to reach a registry.
struct Endpoint {
  std::string scheme;     // "https" or "http"
  std::string authority;  // "host", "host:port", "[::1]:5000"
  bool verify_tls = true;

  std::string Origin() const { return scheme + "://" + authority; }
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// The registry that a person means: without scheme, path and trailing "/", all
// of Docker Hub's names as "docker.io" ("https://index.docker.io/v1/",
// "registry-1.docker.io").
std::string CanonicalRegistry(std::string_view registry);

// Whether the host of "host[:port]" is localhost, 127.0.0.0/8 or ::1.
bool IsLoopback(std::string_view authority);

// The ways to reach `registry` (as in a `Reference`), in the order to try.
//   insecure_registries  "host:port", or "host" for any port of it
std::vector<Endpoint> EndpointsOf(
    std::string_view registry,
    const std::vector<std::string>& insecure_registries);

// The URLs of distribution-spec, absolute. `repository` and `reference` are
// taken to be valid (a `Reference`'s); query values are encoded.
std::string PingUrl(const Endpoint& endpoint);
std::string ManifestUrl(const Endpoint& endpoint, std::string_view repository,
                        std::string_view reference);
std::string BlobUrl(const Endpoint& endpoint, std::string_view repository,
                    const oci::Digest& digest);
std::string UploadsUrl(const Endpoint& endpoint, std::string_view repository);
std::string TagsUrl(const Endpoint& endpoint, std::string_view repository);

// `url` with one more query parameter, its value percent-encoded.
std::string WithQuery(std::string url, std::string_view name,
                      std::string_view value);
// Percent-encodes all but RFC 3986's unreserved characters.
std::string PercentEncode(std::string_view text);

// `location` as found in an answer from `base`: absolute, "//host/path",
// "/path", or relative (RFC 3986, section 5.2).
std::string ResolveUrl(std::string_view base, std::string_view location);
// `url` as messages may have it: without a login and without its query, in
// which registries and their storage put tokens.
std::string ShownUrl(std::string_view url);
// "scheme://authority" of an absolute URL, lower case, default port dropped.
std::string OriginOf(std::string_view url);
// The same without the scheme.
std::string AuthorityOf(std::string_view url);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_ENDPOINT_H_
