// Where images are to be looked for, as containers-registries.conf(5) says it
// (version 2 of that format): mirrors, other locations, insecure and blocked
// registries.
//
// Read are the `[[registry]]` tables: prefix, location, insecure, blocked,
// mirror-by-digest-only, and of each `[[registry.mirror]]` location, insecure,
// pull-from-mirror. Short names are Docker Hub's in strake: lists of registries
// to search and aliases are for other programs.

#ifndef STRAKE_REGISTRY_REGISTRIES_CONFIG_H_
#define STRAKE_REGISTRY_REGISTRIES_CONFIG_H_

#include <string>
#include <string_view>
#include <vector>

#include "oci/reference.h"
#include "util/result.h"

namespace strake::registry {

// What a mirror is asked for.
enum class MirrorUse { kAll, kDigestOnly, kTagOnly };

struct MirrorRule {
  std::string location = {};  // "host[:port][/namespace...]"
  bool insecure = false;
  MirrorUse use = MirrorUse::kAll;
};

struct RegistryRule {
  // "host[:port]", "host/namespace", "host/repository[:tag][@digest]", or
  // "*.domain" for the hosts below a domain.
  std::string prefix = {};
  std::string location = {};  // stands in the prefix's place; empty: as it is
  bool insecure = false;
  bool blocked = false;
  std::vector<MirrorRule> mirrors = {};
  std::string source = {};  // the file, for messages
};

// A value: copy it freely.
class RegistriesConfig {
 public:
  // No rules: every image is where its name says.
  RegistriesConfig() = default;

  // `source` names the text in errors. `kUnsupported` for version 1 of the
  // format, `kInvalidArgument` for what is no TOML or not of this format.
  static Result<RegistriesConfig> Parse(std::string_view toml,
                                        std::string_view source);

  // The rules of a file that is read later: they replace those with the same
  // prefix.
  void Override(RegistriesConfig later);

  // Where to pull `reference` from, in the order to try: mirrors, then the
  // location itself, always last. Each is a whole reference, with the tag and
  // digest of `reference`; one that has neither (a repository, for its blobs)
  // is looked for in all mirrors. `kUnauthorized` where it is blocked.
  Result<std::vector<oci::Reference>> PullPlaces(
      const oci::Reference& reference) const;

  // `kUnauthorized`, naming the file, where a rule blocks `reference`.
  Status CheckAllowed(const oci::Reference& reference) const;

  // Whether `reference`, or the mirror or location that it is in, is marked
  // insecure. The repository may be empty: the registry itself.
  bool IsInsecure(const oci::Reference& reference) const;

  const std::vector<RegistryRule>& rules() const { return rules_; }

 private:
  const RegistryRule* Find(const oci::Reference& reference) const;

  std::vector<RegistryRule> rules_;  // each prefix once
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_REGISTRIES_CONFIG_H_
