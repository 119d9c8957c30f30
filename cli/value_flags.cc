#include "cli/value_flags.h"

#include <arpa/inet.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "builder/context/context_url.h"
#include "builder/sandbox/backends.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::cli {
namespace {

using Pair = std::pair<std::string, std::string>;

constexpr uint64_t kMaxSecretBytes = 500 * 1024;

std::string Quoted(std::string_view option, std::string_view text) {
  return std::string(option) + " \"" + std::string(text) + "\"";
}

bool IsAddress(const std::string& text) {
  in6_addr address;
  return inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

Result<std::optional<Pair>> ParseVariable(std::string_view option,
                                          std::string_view text,
                                          const Environment& environment) {
  std::optional<Pair> result;
  if (auto pair = SplitOnce(text, '=')) {
    result.emplace(pair->first, pair->second);
  } else if (auto found = environment.variables.find(text);
             found != environment.variables.end()) {
    result.emplace(found->first, found->second);
  }
  if (text.empty() || text[0] == '=') {
    return InvalidArgument(Quoted(option, text) +
                           ": expected NAME=VALUE or NAME");
  }
  return result;
}

}  // namespace

Result<std::optional<Pair>> ParseBuildArg(std::string_view text,
                                          const Environment& environment) {
  return ParseVariable("--build-arg", text, environment);
}

Result<std::optional<Pair>> ParseEnv(std::string_view text,
                                     const Environment& environment) {
  return ParseVariable("--env", text, environment);
}

Result<Pair> ParseLabel(std::string_view text) {
  if (text.empty() || text[0] == '=') {
    return InvalidArgument(Quoted("--label", text) + ": expected NAME=VALUE");
  }
  if (auto pair = SplitOnce(text, '=')) {
    return Pair(pair->first, pair->second);
  }
  return Pair(text, "");
}

Result<Pair> ParseExtraHost(std::string_view text) {
  // The first of the two separators: an IPv6 address has colons of its own.
  size_t split = text.find_first_of("=:");
  if (split == std::string_view::npos || split == 0) {
    return InvalidArgument(Quoted("--add-host", text) +
                           ": expected NAME:ADDRESS or NAME=ADDRESS");
  }
  std::string address(text.substr(split + 1));
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  if (address == "host-gateway") {
    return Unsupported(Quoted("--add-host", text) +
                       ": host-gateway is not supported; RUN shares the "
                       "host's network, so 127.0.0.1 is the host");
  }
  if (!IsAddress(address)) {
    return InvalidArgument(Quoted("--add-host", text) + ": \"" + address +
                           "\" is not an IP address");
  }
  return Pair(text.substr(0, split), address);
}

Result<builder::NetworkMode> ParseNetwork(std::string_view text) {
  if (text == "default" || text == "host" || text.empty()) {
    return builder::NetworkMode::kHost;
  }
  if (text == "none") return builder::NetworkMode::kNone;
  return InvalidArgument("--network: unknown network \"" + std::string(text) +
                         "\"" + DidYouMean(text, {"default", "host", "none"}) +
                         "; there are default, host, none");
}

Result<SecretSpec> ParseSecret(std::string_view text,
                               const Environment& environment) {
  auto error = [&](std::string_view what) {
    return InvalidArgument(Quoted("--secret", text) + ": " + std::string(what));
  };
  SecretSpec spec;
  std::string type;
  for (std::string_view field : Split(text, ',')) {
    auto pair = SplitOnce(field, '=');
    if (!pair) {
      return error("\"" + std::string(field) +
                   "\" is not of the form KEY=VALUE");
    }
    std::string key = ToLower(pair->first);
    if (key == "id") {
      spec.id = pair->second;
    } else if (key == "src" || key == "source") {
      spec.file = pair->second;
    } else if (key == "env") {
      spec.variable = pair->second;
    } else if (key == "type") {
      type = pair->second;
    } else {
      return error("unknown key \"" + key + "\"" +
                   DidYouMean(key, {"id", "src", "env", "type"}));
    }
  }
  if (!type.empty() && type != "file" && type != "env") {
    return error("unknown type \"" + type + "\"; there are file and env");
  }
  if (type == "env" && spec.variable.empty()) {
    spec.variable = std::exchange(spec.file, "");
  }
  if (!spec.file.empty() && !spec.variable.empty()) {
    return error("src= and env= exclude each other");
  }
  if (type == "file" && !spec.variable.empty()) {
    return error("type=file has no env=");
  }
  if (spec.id.empty()) {
    spec.id = spec.file.empty() ? spec.variable : spec.file;
  }
  if (spec.id.empty()) return error("id= is missing");
  if (spec.file.empty() && spec.variable.empty()) {
    bool in_environment = environment.variables.contains(spec.id);
    bool from_environment = type == "env" || (type.empty() && in_environment);
    (from_environment ? spec.variable : spec.file) = spec.id;
  }
  return spec;
}

Result<builder::SecretSource> LoadSecret(const SecretSpec& spec,
                                         const Environment& environment) {
  builder::SecretSource secret;
  secret.id = spec.id;
  std::string context = "--secret " + spec.id;
  if (!spec.variable.empty()) {
    auto found = environment.variables.find(spec.variable);
    if (found == environment.variables.end()) {
      return NotFound(context + ": the environment variable " + spec.variable +
                      " is not set");
    }
    secret.value = found->second;
    if (secret.value.size() > kMaxSecretBytes) {
      return InvalidArgument(context + ": larger than 500 kB");
    }
    return secret;
  }
  auto value = ReadFile(spec.file, kMaxSecretBytes);
  if (!value) return std::move(value).error().Wrap(context);
  secret.value = std::move(*value);
  return secret;
}

Result<Pair> ParseSsh(std::string_view text, const Environment& environment) {
  auto pair = SplitOnce(text, '=');
  std::string id(pair ? pair->first : text);
  std::string path(pair ? pair->second : "");
  if (id.empty()) {
    return InvalidArgument(Quoted("--ssh", text) +
                           ": expected ID or ID=SOCKET");
  }
  if (path.empty()) {
    path = environment.Get("SSH_AUTH_SOCK").value_or("");
    if (path.empty()) {
      return NotFound(Quoted("--ssh", text) +
                      ": no agent: SSH_AUTH_SOCK is not set; start ssh-agent "
                      "or give its socket, --ssh " +
                      id + "=SOCKET");
    }
  }
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    return ErrnoError(Quoted("--ssh", text) + ": " + path);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return Unsupported(Quoted("--ssh", text) + ": " + path +
                       " is not an agent's socket; key files are not "
                       "supported yet: load them with ssh-add");
  }
  return Pair(id, path);
}

Result<Pair> ParseNamedContext(std::string_view text) {
  auto pair = SplitOnce(text, '=');
  if (!pair || pair->first.empty() || pair->second.empty()) {
    return InvalidArgument(Quoted("--build-context", text) +
                           ": expected NAME=CONTEXT");
  }
  if (builder::context::KindOfContext(pair->second) !=
      builder::context::ContextKind::kFolder) {
    return Pair(pair->first, pair->second);
  }
  std::error_code error;
  if (!std::filesystem::is_directory(pair->second, error)) {
    return NotFound(Quoted("--build-context", text) + ": there is no folder " +
                    std::string(pair->second));
  }
  return Pair(pair->first, pair->second);
}

Result<oci::Platform> ParseOnePlatform(std::string_view text) {
  if (text.find(',') != std::string_view::npos) {
    return InvalidArgument(Quoted("--platform", text) + ": expected one");
  }
  auto platform = oci::ParsePlatform(text);
  if (!platform) {
    return std::move(platform).error().Wrap(Quoted("--platform", text));
  }
  return platform;
}

Result<std::vector<oci::Platform>> ParsePlatforms(std::string_view text) {
  std::vector<oci::Platform> platforms;
  for (std::string_view name : Split(text, ',')) {
    ASSIGN_OR_RETURN(oci::Platform platform, ParseOnePlatform(Trim(name)));
    platforms.push_back(std::move(platform));
  }
  return platforms;
}

Result<builder::ContainerSpec::Bind> ParseBind(std::string_view text) {
  auto parts = Split(text, ':');
  if (parts.size() < 2 || parts.size() > 3 || parts[0].empty() ||
      !parts[1].starts_with('/')) {
    return InvalidArgument(Quoted("--volume", text) +
                           ": expected SOURCE:TARGET[:ro], TARGET absolute");
  }
  builder::ContainerSpec::Bind bind;
  if (parts.size() == 3) {
    if (parts[2] != "ro" && parts[2] != "rw") {
      return Unsupported(Quoted("--volume", text) + ": unknown option \"" +
                         std::string(parts[2]) + "\"; there are ro and rw");
    }
    bind.read_only = parts[2] == "ro";
  }
  if (parts[0].find('/') == std::string_view::npos && parts[0] != "." &&
      parts[0] != "..") {
    return Unsupported(Quoted("--volume", text) +
                       ": named volumes are not supported; for a folder write "
                       "./" +
                       std::string(parts[0]));
  }
  std::error_code error;
  bind.source = std::filesystem::absolute(parts[0], error).lexically_normal();
  if (error || !std::filesystem::exists(bind.source, error)) {
    return NotFound(Quoted("--volume", text) + ": there is no " +
                    std::string(parts[0]));
  }
  bind.target = parts[1];
  return bind;
}

Result<ListenAddress> ParseListenAddress(std::string_view text) {
  size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  std::optional<uint64_t> port;
  if (colon != std::string_view::npos) port = ParseUint(text.substr(colon + 1));
  bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  bool bare_ipv6 = !bracketed && host.find(':') != std::string_view::npos;
  if (!port || *port > 65535 || host.empty() || bare_ipv6) {
    return InvalidArgument(Quoted("--listen", text) +
                           ": expected ADDRESS:PORT, such as 127.0.0.1:5000 "
                           "or [::1]:5000");
  }
  return ListenAddress{std::string(host), static_cast<uint16_t>(*port)};
}

ValueStyle IsolationStyle() {
  return {"NAME", Completes::kNothing, builder::sandbox::IsolationNames()};
}

Result<std::string> ParseIsolation(const std::string& text,
                                   const Environment& environment) {
  if (!text.empty()) return text;
  std::string isolation = environment.Get("STRAKE_ISOLATION").value_or("auto");
  std::vector<std::string> names = builder::sandbox::IsolationNames();
  if (std::ranges::find(names, isolation) == names.end()) {
    return InvalidArgument("STRAKE_ISOLATION=" + isolation + ": there are " +
                           Join(names, ", "));
  }
  return isolation;
}

Result<int> ParseCount(std::string_view option, std::string_view text,
                       int max) {
  auto number = ParseInt(text);
  if (!number || *number < 0 || *number > max) {
    return InvalidArgument(Quoted(option, text) +
                           ": expected a number from 0 to " +
                           std::to_string(max));
  }
  return static_cast<int>(*number);
}

}  // namespace strake::cli
