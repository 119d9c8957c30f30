// `WWW-Authenticate` (RFC 7235, section 4.1): what a registry wants to see.

#ifndef STRAKE_REGISTRY_AUTH_CHALLENGE_H_
#define STRAKE_REGISTRY_AUTH_CHALLENGE_H_

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strake::registry {

struct AuthChallenge {
  std::string scheme;                             // lower case: "bearer"
  std::map<std::string, std::string> parameters;  // names in lower case

  // The value of a parameter, or "".
  std::string Get(std::string_view name) const;
};

// The challenges of all `WWW-Authenticate` fields of an answer, in order; one
// field may hold several. What cannot be understood is left out.
std::vector<AuthChallenge> ParseAuthChallenges(
    std::span<const std::string> fields);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_AUTH_CHALLENGE_H_
