#include "tasks/trigger/repository_url.h"

#include <array>
#include <optional>
#include <vector>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

struct Address {
  std::string host;  // with its port, where that matters
  std::string path;  // without "/" at either end
};

struct Scheme {
  std::string_view prefix;
  std::string_view port;
};
constexpr std::array<Scheme, 6> kSchemes = {{{"https://", ":443"},
                                             {"http://", ":80"},
                                             {"ssh://", ":22"},
                                             {"git+ssh://", ":22"},
                                             {"git://", ":9418"},
                                             {"file://", ""}}};

// Hosts that serve ssh under another name, some on the port of https.
struct Alias {
  std::string_view ssh;
  std::string_view host;
};
constexpr std::array<Alias, 6> kAliases = {{
    {"ssh.github.com:443", "github.com"},
    {"altssh.gitlab.com:443", "gitlab.com"},
    {"altssh.bitbucket.org:443", "bitbucket.org"},
    {"ssh.dev.azure.com", "dev.azure.com"},
    {"vs-ssh.visualstudio.com", "dev.azure.com"},
    {"www.github.com", "github.com"},
}};

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::string PercentDecode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    auto high = i + 2 < text.size() ? HexDigit(text[i + 1]) : std::nullopt;
    auto low = high ? HexDigit(text[i + 2]) : std::nullopt;
    if (text[i] != '%' || !low) {
      decoded += text[i];
      continue;
    }
    decoded += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return decoded;
}

std::string_view WithoutSlashes(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

std::optional<Address> SplitAddress(std::string_view url) {
  Address address;
  std::string_view port;
  size_t path = std::string_view::npos;
  for (const Scheme& scheme : kSchemes) {
    if (!EqualsIgnoreCase(url.substr(0, scheme.prefix.size()), scheme.prefix)) {
      continue;
    }
    url.remove_prefix(scheme.prefix.size());
    port = scheme.port;
    path = url.find('/');
    if (path == std::string_view::npos) return std::nullopt;
    if (scheme.prefix == "file://") {
      address.host = "file:";
      address.path = std::string(WithoutSlashes(url.substr(path)));
      return address;
    }
    break;
  }
  if (path == std::string_view::npos) {
    // user@host:path, where a folder would have a "/" first.
    path = url.find(':');
    if (path == std::string_view::npos || url.find('/') < path) {
      return std::nullopt;
    }
  }
  std::string_view host = url.substr(0, path);
  if (size_t at = host.rfind('@'); at != std::string_view::npos) {
    host.remove_prefix(at + 1);
  }
  if (!port.empty() && host.ends_with(port)) host.remove_suffix(port.size());
  address.host = ToLower(host);
  address.path = PercentDecode(WithoutSlashes(url.substr(path + 1)));
  return address;
}

// "org.visualstudio.com/[DefaultCollection/]project/_git/name", the ssh form
// "v3/org/project/name", and a project's main repository, "org/_git/name".
void MoveToDevAzure(Address& address) {
  constexpr std::string_view kOldHost = ".visualstudio.com";
  if (address.host.ends_with(kOldHost)) {
    address.host.resize(address.host.size() - kOldHost.size());
    address.path = address.host + "/" + address.path;
    address.host = "dev.azure.com";
  }
  if (address.host != "dev.azure.com") return;
  std::vector<std::string> parts;
  for (std::string_view part : Split(address.path, '/')) {
    if (part != "defaultcollection") parts.emplace_back(part);
  }
  if (parts.size() == 4 && parts[0] == "v3") {
    parts = {parts[1], parts[2], "_git", parts[3]};
  } else if (parts.size() == 3 && parts[1] == "_git") {
    parts.insert(parts.begin() + 1, parts[2]);
  }
  address.path = Join(parts, "/");
}

}  // namespace

Result<std::string> CanonicalRepository(std::string_view url) {
  std::string_view whole = Trim(url);
  whole = whole.substr(0, whole.find_first_of("#?"));
  auto address = SplitAddress(whole);
  if (!address || address->host.empty() || address->path.empty()) {
    // Not shown: it may hold a password.
    return InvalidArgument(
        "this is no address of a repository; write https://host/path, "
        "ssh://host/path or user@host:path");
  }
  for (const Alias& alias : kAliases) {
    if (address->host == alias.ssh) address->host = alias.host;
  }
  if (address->host != "file:") address->path = ToLower(address->path);
  MoveToDevAzure(*address);
  if (address->path.ends_with(".git")) {
    address->path.resize(address->path.size() - 4);
  }
  return address->host + "/" + std::string(WithoutSlashes(address->path));
}

}  // namespace strake::tasks::trigger
