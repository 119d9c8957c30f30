#include "registry/traffic_config.h"

#include <exception>
#include <sstream>
#include <string>
#include <toml.hpp>
#include <utility>

#include "registry/endpoint.h"
#include "util/byte_count.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

Result<uint64_t> ReadBytes(const std::string& key, const toml::value& value) {
  auto bytes = value.is_string()
                   ? ParseByteCount(std::string(value.as_string()))
                   : std::optional<uint64_t>();
  if (bytes && *bytes > 0) return *bytes;
  return InvalidArgument(key + R"(: expected an amount as "10MB")");
}

Result<unsigned> ReadCount(const std::string& key, const toml::value& value) {
  constexpr int64_t kMost = 1000;
  int64_t count = value.is_integer() ? value.as_integer() : 0;
  if (count >= 1 && count <= kMost) return static_cast<unsigned>(count);
  return InvalidArgument(key + ": expected a number from 1 to " +
                         std::to_string(kMost));
}

// toml11 throws where a value has another type; `ParseTrafficLimits` catches.
Result<HostLimits> ReadHost(const toml::value& table) {
  HostLimits limits;
  for (const auto& [key, value] : table.as_table()) {
    if (key == "max-requests") {
      ASSIGN_OR_RETURN(limits.max_requests, ReadCount(key, value));
    } else if (key == "limit-rate") {
      ASSIGN_OR_RETURN(limits.bytes_per_second, ReadBytes(key, value));
    } else if (key == "chunk-size") {
      ASSIGN_OR_RETURN(limits.chunk_bytes, ReadBytes(key, value));
    } else {
      return InvalidArgument(key +
                             ": expected max-requests, limit-rate or "
                             "chunk-size");
    }
  }
  return limits;
}

// As the URLs have it that strake asks for this registry.
std::string HostOf(std::string_view registry) {
  return AuthorityOf(
      EndpointsOf(CanonicalRegistry(registry), {}).front().Origin());
}

Status ReadHosts(const toml::value& root, TrafficLimits& limits) {
  for (const auto& [key, value] : root.as_table()) {
    if (key != "host") return InvalidArgument(key + ": expected [host.NAME]");
    for (const auto& [name, table] : value.as_table()) {
      auto host = ReadHost(table);
      if (!host) return std::move(host).error().Wrap("host " + GoQuote(name));
      limits.hosts[HostOf(name)] = *host;
    }
  }
  return {};
}

}  // namespace

Status ParseTrafficLimits(std::string_view text, std::string_view source,
                          TrafficLimits& limits) {
  auto first_line = [](std::string_view what) {
    return std::string(what.substr(0, what.find('\n')));
  };
  try {
    std::istringstream stream{std::string(text)};
    toml::value root = toml::parse(stream, std::string(source));
    Status read = ReadHosts(root, limits);
    if (!read) return std::move(read).error().Wrap(source);
    return {};
  } catch (const toml::exception& error) {
    return InvalidArgument(std::string(source) + ": line " +
                           std::to_string(error.location().line()) + ": " +
                           first_line(error.what()));
  } catch (const std::exception& error) {
    return InvalidArgument(std::string(source) + ": " +
                           first_line(error.what()));
  }
}

}  // namespace strake::registry
