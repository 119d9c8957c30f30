// JSON Web Tokens signed with RS256 (RFC 7515, RFC 7519).

#ifndef STRAKE_REGISTRY_SIGNED_JWT_H_
#define STRAKE_REGISTRY_SIGNED_JWT_H_

#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::registry {

// "header.claims.signature".
//   claims_json  the claims, as JSON
//   key_id       for the header; may be empty
//   private_key  an RSA key, PEM; `kInvalidArgument` where it is none
Result<std::string> MakeSignedJwt(std::string_view claims_json,
                                  std::string_view key_id,
                                  std::string_view private_key);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_SIGNED_JWT_H_
