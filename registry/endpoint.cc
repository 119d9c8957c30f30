#include "registry/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>

#include "util/strings.h"

namespace strake::registry {
namespace {

// "host" of "host[:port]"; brackets of an IPv6 address stay off.
std::string_view HostOf(std::string_view authority) {
  if (authority.starts_with('[')) {
    size_t end = authority.find(']');
    return authority.substr(1, end == std::string_view::npos ? end : end - 1);
  }
  // A bare IPv6 address has several colons and no port.
  size_t colon = authority.find(':');
  if (colon != authority.rfind(':')) return authority;
  return authority.substr(0, colon);
}

std::string_view WithoutScheme(std::string_view text) {
  for (std::string_view scheme : {"https://", "http://"}) {
    if (text.starts_with(scheme)) return text.substr(scheme.size());
  }
  return text;
}

bool IsListed(std::string_view authority,
              const std::vector<std::string>& insecure_registries) {
  return std::ranges::any_of(insecure_registries, [&](std::string_view entry) {
    std::string canonical = CanonicalRegistry(entry);
    return canonical == authority || canonical == HostOf(authority);
  });
}

// Removes "." and ".." segments (RFC 3986, section 5.2.4).
std::string RemoveDotSegments(std::string_view path) {
  std::vector<std::string_view> kept;
  std::vector<std::string_view> pieces = Split(path, '/');
  for (size_t i = 1; i < pieces.size(); ++i) {
    bool last = i + 1 == pieces.size();
    if (pieces[i] == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (pieces[i] != ".") {
      kept.push_back(pieces[i]);
      continue;
    }
    if (last) kept.push_back("");
  }
  std::string clean;
  for (std::string_view piece : kept) {
    clean += '/';
    clean += piece;
  }
  return clean.empty() ? "/" : clean;
}

}  // namespace

std::string CanonicalRegistry(std::string_view registry) {
  std::string_view host = WithoutScheme(registry);
  host = host.substr(0, host.find('/'));
  std::string canonical = ToLower(host);
  if (canonical == "index.docker.io" || canonical == "registry-1.docker.io" ||
      canonical == "registry.hub.docker.com") {
    return "docker.io";
  }
  return canonical;
}

bool IsLoopback(std::string_view authority) {
  std::string host(HostOf(authority));
  if (EqualsIgnoreCase(host, "localhost")) return true;
  in_addr v4;
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    return ntohl(v4.s_addr) >> 24 == 127;
  }
  in6_addr v6;
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 &&
         IN6_IS_ADDR_LOOPBACK(&v6);
}

std::vector<Endpoint> EndpointsOf(
    std::string_view registry,
    const std::vector<std::string>& insecure_registries) {
  std::string authority(registry);
  // Docker Hub's name is not its registry's.
  if (authority == "docker.io") authority = "registry-1.docker.io";
  if (IsLoopback(authority)) {
    return {{"http", authority, false}, {"https", authority, false}};
  }
  if (IsListed(registry, insecure_registries)) {
    return {{"https", authority, false}, {"http", authority, false}};
  }
  return {{"https", authority, true}};
}

std::string PingUrl(const Endpoint& endpoint) {
  return endpoint.Origin() + "/v2/";
}

std::string ManifestUrl(const Endpoint& endpoint, std::string_view repository,
                        std::string_view reference) {
  return PingUrl(endpoint) + std::string(repository) + "/manifests/" +
         std::string(reference);
}

std::string BlobUrl(const Endpoint& endpoint, std::string_view repository,
                    const oci::Digest& digest) {
  return PingUrl(endpoint) + std::string(repository) + "/blobs/" +
         digest.ToString();
}

std::string UploadsUrl(const Endpoint& endpoint, std::string_view repository) {
  return PingUrl(endpoint) + std::string(repository) + "/blobs/uploads/";
}

std::string TagsUrl(const Endpoint& endpoint, std::string_view repository) {
  return PingUrl(endpoint) + std::string(repository) + "/tags/list";
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (char c : text) {
    bool unreserved =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
        (c >= '0' && c <= '9') ||
        std::string_view("-._~").find(c) != std::string_view::npos;
    if (unreserved) {
      encoded += c;
    } else {
      auto byte = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += kDigits[byte >> 4];
      encoded += kDigits[byte & 15];
    }
  }
  return encoded;
}

std::string WithQuery(std::string url, std::string_view name,
                      std::string_view value) {
  url += url.find('?') == std::string::npos ? '?' : '&';
  url += name;
  url += '=';
  url += PercentEncode(value);
  return url;
}

std::string ResolveUrl(std::string_view base, std::string_view location) {
  std::string_view target = location.substr(0, location.find('#'));
  size_t scheme_end = base.find("://");
  if (scheme_end == std::string_view::npos) return std::string(target);
  size_t target_scheme = target.find("://");
  if (target_scheme != std::string_view::npos &&
      target_scheme < target.find_first_of("/?")) {
    return std::string(target);
  }
  std::string scheme(base.substr(0, scheme_end));
  if (target.starts_with("//")) return scheme + ":" + std::string(target);

  size_t path_start = base.find_first_of("/?#", scheme_end + 3);
  std::string origin(base.substr(0, path_start));
  std::string_view base_path =
      path_start == std::string_view::npos ? "" : base.substr(path_start);
  base_path = base_path.substr(0, base_path.find('#'));
  if (target.empty()) return origin + std::string(base_path);
  std::string_view base_query_less = base_path.substr(0, base_path.find('?'));
  if (target.starts_with('?')) {
    return origin + std::string(base_query_less) + std::string(target);
  }
  size_t query = target.find('?');
  std::string path(target.substr(0, query));
  if (!path.starts_with('/')) {
    size_t slash = base_query_less.rfind('/');
    std::string folder(slash == std::string_view::npos
                           ? "/"
                           : base_query_less.substr(0, slash + 1));
    path = folder + path;
  }
  std::string resolved = origin + RemoveDotSegments(path);
  if (query != std::string_view::npos) resolved += target.substr(query);
  return resolved;
}

std::string ShownUrl(std::string_view url) {
  std::string_view shown = url.substr(0, url.find_first_of("?#"));
  size_t scheme_end = shown.find("://");
  if (scheme_end == std::string_view::npos) return std::string(shown);
  size_t begin = scheme_end + 3;
  std::string_view authority = shown.substr(begin);
  authority = authority.substr(0, authority.find('/'));
  size_t user = authority.rfind('@');
  if (user == std::string_view::npos) return std::string(shown);
  return std::string(shown.substr(0, begin)) +
         std::string(shown.substr(begin + user + 1));
}

std::string OriginOf(std::string_view url) {
  size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return ToLower(url);
  size_t end = url.find_first_of("/?#", scheme_end + 3);
  std::string scheme = ToLower(url.substr(0, scheme_end));
  std::string_view authority =
      url.substr(scheme_end + 3,
                 end == std::string_view::npos ? end : end - scheme_end - 3);
  size_t user = authority.rfind('@');
  if (user != std::string_view::npos) authority.remove_prefix(user + 1);
  std::string lower = ToLower(authority);
  std::string_view default_port = scheme == "https" ? ":443" : ":80";
  if (lower.ends_with(default_port) &&
      !(lower.starts_with('[') && lower.back() == ']')) {
    lower.resize(lower.size() - default_port.size());
  }
  return scheme + "://" + lower;
}

std::string AuthorityOf(std::string_view url) {
  std::string origin = OriginOf(url);
  size_t scheme_end = origin.find("://");
  return scheme_end == std::string::npos ? origin
                                         : origin.substr(scheme_end + 3);
}

}  // namespace strake::registry
