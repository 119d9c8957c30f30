#include "registry/registries_config.h"

#include <algorithm>
#include <exception>
#include <sstream>
#include <toml.hpp>
#include <utility>

#include "registry/endpoint.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using oci::Reference;

// How many bytes of `name` ("host[:port]/path[:tag][@digest]") `prefix` covers;
// npos where it does not apply.
size_t Covers(std::string_view prefix, std::string_view name) {
  constexpr size_t kNot = std::string_view::npos;
  if (prefix.starts_with("*.")) {
    std::string_view host = name.substr(0, name.find_first_of(":/@"));
    bool below =
        host.size() > prefix.size() - 1 && host.ends_with(prefix.substr(1));
    return below ? host.size() : kNot;
  }
  if (!name.starts_with(prefix)) return kNot;
  if (name.size() == prefix.size()) return prefix.size();
  char next = name[prefix.size()];
  // Behind a bare host, ":" begins a port: another registry.
  bool bare_host = prefix.find('/') == std::string_view::npos;
  bool ends = next == '/' || next == '@' || (next == ':' && !bare_host);
  return ends ? prefix.size() : kNot;
}

std::string FullName(const Reference& reference) {
  if (reference.repository.empty()) return reference.registry;
  return reference.ToString();
}

// `reference` with `location` in the place of the first `covered` bytes.
Result<Reference> Relocate(const Reference& reference, size_t covered,
                           std::string_view location) {
  std::string name = reference.Name();
  std::string moved(location);
  if (covered < name.size()) moved += name.substr(covered);
  auto parts = SplitOnce(moved, '/');
  if (!parts || parts->second.empty()) {
    return InvalidArgument("location " + std::string(location) +
                           " leaves no repository for " + reference.ToString());
  }
  Reference result = reference;
  result.registry = CanonicalRegistry(parts->first);
  result.repository = parts->second;
  return result;
}

bool Serves(const MirrorRule& mirror, const Reference& reference) {
  bool repository_only = reference.tag.empty() && !reference.digest;
  if (repository_only || mirror.use == MirrorUse::kAll) return true;
  return (mirror.use == MirrorUse::kDigestOnly) == reference.digest.has_value();
}

// A host with the path that follows it, in the form that names have.
std::string Normalize(std::string_view text) {
  while (text.ends_with('/')) text.remove_suffix(1);
  size_t slash = text.find('/');
  std::string host = CanonicalRegistry(text.substr(0, slash));
  return slash == std::string_view::npos
             ? host
             : host + std::string(text.substr(slash));
}

// toml11 throws where a value has another type; `Parse` catches.
std::string Text(const toml::value& table, const char* key) {
  if (!table.contains(key)) return "";
  return toml::find<std::string>(table, key);
}

bool Flag(const toml::value& table, const char* key) {
  if (!table.contains(key)) return false;
  return toml::find<bool>(table, key);
}

std::string Location(const toml::value& table, const char* key) {
  if (!table.contains(key)) return "";
  return Normalize(toml::find<std::string>(table, key));
}

Result<MirrorRule> ReadMirror(const toml::value& table, bool by_digest_only) {
  MirrorRule mirror;
  mirror.location = Location(table, "location");
  mirror.insecure = Flag(table, "insecure");
  if (mirror.location.empty()) {
    return InvalidArgument("a mirror has no location");
  }
  std::string use = Text(table, "pull-from-mirror");
  if (use == "digest-only" || (use.empty() && by_digest_only)) {
    mirror.use = MirrorUse::kDigestOnly;
  } else if (use == "tag-only") {
    mirror.use = MirrorUse::kTagOnly;
  } else if (!use.empty() && use != "all") {
    return InvalidArgument("pull-from-mirror = " + GoQuote(use) +
                           ": expected all, digest-only or tag-only");
  }
  return mirror;
}

Result<RegistryRule> ReadRule(const toml::value& table) {
  RegistryRule rule;
  rule.prefix = Location(table, "prefix");
  rule.location = Location(table, "location");
  if (rule.prefix.empty()) rule.prefix = rule.location;
  if (rule.prefix.empty()) {
    return InvalidArgument("a registry has neither prefix nor location");
  }
  rule.insecure = Flag(table, "insecure");
  rule.blocked = Flag(table, "blocked");
  bool by_digest_only = Flag(table, "mirror-by-digest-only");
  if (!table.contains("mirror")) return rule;
  for (const toml::value& mirror : toml::find(table, "mirror").as_array()) {
    auto read = ReadMirror(mirror, by_digest_only);
    if (!read) return std::move(read).error().Wrap(rule.prefix);
    rule.mirrors.push_back(std::move(read).value());
  }
  return rule;
}

// The first line of toml11's text says what is wrong; the others show the file.
Error NotToml(std::string_view what, size_t line) {
  what = what.substr(0, what.find('\n'));
  constexpr std::string_view kMark = "[error] ";
  if (what.starts_with(kMark)) what.remove_prefix(kMark.size());
  std::string where = line > 0 ? "line " + std::to_string(line) + ": " : "";
  return InvalidArgument(where + std::string(what));
}

}  // namespace

Result<RegistriesConfig> RegistriesConfig::Parse(std::string_view text,
                                                 std::string_view source) {
  auto fail = [&](Error error) { return std::move(error).Wrap(source); };
  RegistriesConfig config;
  try {
    std::istringstream stream{std::string(text)};
    toml::value root = toml::parse(stream, std::string(source));
    if (root.contains("registries")) {
      return fail(Unsupported(
          "[registries...] is of version 1 of registries.conf; strake reads "
          "version 2: [[registry]]"));
    }
    if (!root.contains("registry")) return config;
    for (const toml::value& table : toml::find(root, "registry").as_array()) {
      auto rule = ReadRule(table);
      if (!rule) return fail(std::move(rule).error());
      rule->source = source;
      RegistriesConfig one;
      one.rules_.push_back(std::move(rule).value());
      config.Override(std::move(one));
    }
  } catch (const toml::exception& error) {
    return fail(NotToml(error.what(), error.location().line()));
  } catch (const std::exception& error) {
    return fail(NotToml(error.what(), 0));
  }
  return config;
}

void RegistriesConfig::Override(RegistriesConfig later) {
  for (RegistryRule& rule : later.rules_) {
    std::erase_if(rules_, [&](const RegistryRule& earlier) {
      return earlier.prefix == rule.prefix;
    });
    rules_.push_back(std::move(rule));
  }
}

const RegistryRule* RegistriesConfig::Find(const Reference& reference) const {
  std::string name = FullName(reference);
  const RegistryRule* best = nullptr;
  for (const RegistryRule& rule : rules_) {
    if (Covers(rule.prefix, name) == std::string_view::npos) continue;
    if (best == nullptr || rule.prefix.size() > best->prefix.size()) {
      best = &rule;
    }
  }
  return best;
}

Status RegistriesConfig::CheckAllowed(const Reference& reference) const {
  const RegistryRule* rule = Find(reference);
  if (rule == nullptr || !rule->blocked) return {};
  return Error(ErrorCode::kUnauthorized, FullName(reference) + ": " +
                                             rule->prefix + " is blocked by " +
                                             rule->source);
}

Result<std::vector<Reference>> RegistriesConfig::PullPlaces(
    const Reference& reference) const {
  RETURN_IF_ERROR(CheckAllowed(reference));
  const RegistryRule* rule = Find(reference);
  if (rule == nullptr) return std::vector<Reference>{reference};
  // A prefix may cover the tag or digest, too; what is moved is the name.
  size_t covered = std::min(Covers(rule->prefix, FullName(reference)),
                            reference.Name().size());
  auto fail = [&](Error error) { return std::move(error).Wrap(rule->source); };
  std::vector<Reference> places;
  for (const MirrorRule& mirror : rule->mirrors) {
    if (!Serves(mirror, reference)) continue;
    auto place = Relocate(reference, covered, mirror.location);
    if (!place) return fail(std::move(place).error());
    places.push_back(std::move(place).value());
  }
  if (rule->location.empty()) {
    places.push_back(reference);
  } else {
    auto place = Relocate(reference, covered, rule->location);
    if (!place) return fail(std::move(place).error());
    places.push_back(std::move(place).value());
  }
  return places;
}

bool RegistriesConfig::IsInsecure(const Reference& reference) const {
  const RegistryRule* rule = Find(reference);
  if (rule != nullptr && rule->insecure) return true;
  std::string name = FullName(reference);
  auto inside = [&](const std::string& location) {
    return !location.empty() &&
           Covers(location, name) != std::string_view::npos;
  };
  return std::ranges::any_of(rules_, [&](const RegistryRule& other) {
    return (other.insecure && inside(other.location)) ||
           std::ranges::any_of(other.mirrors, [&](const MirrorRule& mirror) {
             return mirror.insecure && inside(mirror.location);
           });
  });
}

}  // namespace strake::registry
