// The `Authorization` of each request: nothing, basic, or a bearer token from
// the registry's token service (distribution's "token authentication"), cached
// by login and scopes until shortly before it expires.
//
// A registry is asked anonymously first; what it then demands is remembered,
// so that later requests for other scopes are authorised ahead. Then comes what
// the credentials have for it, else what a cloud's environment has; the latter
// only helps: where it fails or is refused, we stay anonymous.
//
// Thread-safe. Two threads that need the same token at once may both fetch it.

#ifndef STRAKE_REGISTRY_TOKEN_SOURCE_H_
#define STRAKE_REGISTRY_TOKEN_SOURCE_H_

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "registry/auth_challenge.h"
#include "registry/credentials.h"
#include "registry/endpoint.h"
#include "registry/http_client.h"
#include "registry/retry.h"
#include "util/guarded.h"
#include "util/result.h"

namespace strake::registry {

// "repository:<name>:<actions>", actions as "pull" or "pull,push".
std::string RepositoryScope(std::string_view repository,
                            std::string_view actions);

// Which repository of which registry a request is about; "": the registry
// itself.
struct AuthTarget {
  std::string registry = {};
  std::string repository = {};
};

class TokenSource {
 public:
  // `http` and `retry_budget` are borrowed.
  TokenSource(const HttpClient& http, const ClientOptions& options,
              Credentials credentials, RetryBudget& retry_budget);

  // What to send with a request that needs `scopes`; "" to begin anonymously.
  Result<std::string> Authorize(const AuthTarget& target,
                                const std::vector<std::string>& scopes,
                                std::stop_token stop);

  // After a 401 that answered `rejected` (may be ""): what to send instead.
  // `kUnauthorized` where there is nothing better; it names registry and user.
  Result<std::string> Reauthorize(const AuthTarget& target,
                                  const Endpoint& endpoint,
                                  const std::vector<std::string>& scopes,
                                  const HttpResponse& answer,
                                  const std::string& rejected,
                                  std::stop_token stop);

  // 'user "bob"', or "anonymous", as far as is known; for messages.
  std::string Identity(const AuthTarget& target);

  // What a 401 says that no authorisation of ours can mend.
  Error Refused(const AuthTarget& target, const HttpResponse& answer);

 private:
  // Where a registry's tokens come from.
  struct TokenService {
    std::string realm;
    std::string service;
    bool insecure = false;
  };
  struct Token {
    std::string value;
    std::chrono::steady_clock::time_point expires;
  };
  struct State {
    enum class Scheme { kUnknown, kBasic, kBearer } scheme = Scheme::kUnknown;
    TokenService token_service;
    bool credential_known = false;
    std::optional<Credential> credential;
    // Of a login that was found in the environment: until when it is good, and
    // why it was of no use.
    bool from_environment = false;
    std::optional<std::chrono::steady_clock::time_point> credential_expires;
    std::string login_failure;
    std::map<std::string, Token> tokens;  // by joined scopes
  };

  // What a cloud's environment gives; what stands in its way is kept for the
  // message of a refusal.
  void TakeCloudLogin(const AuthTarget& target, State& found,
                      std::stop_token stop) const;
  // The registry refused a login that nobody named: go on without. False where
  // it was not such a login.
  bool DropCloudLogin(const AuthTarget& target, const HttpResponse& answer);
  std::string KeyOf(const AuthTarget& target) const;
  Result<std::optional<Credential>> CredentialFor(const AuthTarget& target,
                                                  std::stop_token stop);
  Result<std::string> UseBasic(const AuthTarget& target,
                               const HttpResponse& answer,
                               const std::string& rejected,
                               std::stop_token stop);
  Result<TokenService> ReadChallenge(const Endpoint& endpoint,
                                     const AuthChallenge& challenge) const;
  // Fetches and caches under `scopes` a token for `wanted`, which may be more.
  Result<std::string> FetchToken(const AuthTarget& target,
                                 const TokenService& service,
                                 const std::vector<std::string>& scopes,
                                 const std::vector<std::string>& wanted,
                                 std::stop_token stop);
  Result<HttpResponse> AskTokenService(const AuthTarget& target,
                                       const HttpRequest& request,
                                       std::stop_token stop) const;

  const HttpClient& http_;
  const Credentials credentials_;
  const CloudLoginOptions cloud_logins_;
  const RetryPolicy retry_;
  RetryBudget& retry_budget_;
  const std::vector<std::string> insecure_registries_;
  Guarded<std::map<std::string, State>> states_;  // by `Credentials::ScopeOf`
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_TOKEN_SOURCE_H_
