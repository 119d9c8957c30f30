// The protocol of Docker's credential helpers: a program
// `docker-credential-<name>` with the verbs get, store and erase, which reads
// its question on standard input and answers with JSON.

#ifndef STRAKE_REGISTRY_CREDENTIAL_HELPER_H_
#define STRAKE_REGISTRY_CREDENTIAL_HELPER_H_

#include <optional>
#include <stop_token>
#include <string>

#include "registry/credentials.h"
#include "util/result.h"

namespace strake::registry {

// `server` is the registry as the helper knows it. Errors name the helper and
// what it said. Nothing where the helper knows no such server.
Result<std::optional<Credential>> GetFromHelper(const std::string& helper,
                                                const std::string& server,
                                                std::stop_token stop);
Status StoreInHelper(const std::string& helper, const std::string& server,
                     const Credential& credential);
// False where the helper knew nothing of `server`.
Result<bool> EraseInHelper(const std::string& helper,
                           const std::string& server);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_CREDENTIAL_HELPER_H_
