// "Send this, authorised": `HttpClient`, the way to reach a registry, tokens
// and retries in one. Thread-safe.

#ifndef STRAKE_REGISTRY_TRANSPORT_H_
#define STRAKE_REGISTRY_TRANSPORT_H_

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "oci/reference.h"
#include "registry/endpoint.h"
#include "registry/http_client.h"
#include "registry/token_source.h"
#include "util/guarded.h"
#include "util/result.h"

namespace strake::registry {

// A request to `endpoint` about `target` that needs `scopes`.
struct ApiRequest {
  AuthTarget target = {};
  Endpoint endpoint = {};
  std::vector<std::string> scopes = {};
  // `Authorization` and `insecure` are filled in. `url` may lead elsewhere (an
  // upload's Location): our authorisation stays at the endpoint's origin.
  HttpRequest http;
};

// kOne: there is somewhere else to ask.
enum class Tries { kAll, kOne };

class Transport {
 public:
  // `http` is borrowed.
  Transport(const HttpClient& http, const ClientOptions& options,
            const Credentials& credentials);

  // How to reach the registry of `place` (whose repository may be empty): found
  // out once, by asking, where there is a choice. `kUnavailable` where it
  // cannot be reached, `kUnauthorized` where the configuration blocks it.
  Result<Endpoint> Connect(const oci::Reference& place, std::stop_token stop,
                           Tries tries = Tries::kAll);

  // One try, authorised. A 401 that our credentials cannot mend is a kLocal
  // failure with `kUnauthorized`; every other status is a success.
  HttpResult SendOnce(const ApiRequest& request, std::stop_token stop);

  // As many tries as the policy allows. Returns the last answer, whatever its
  // status; an error where there was none.
  Result<HttpResponse> Send(const ApiRequest& request, std::stop_token stop,
                            Tries tries = Tries::kAll);

  // The tries of one operation, out of the budget of all.
  Retries NewRetries(std::stop_token stop, Tries tries = Tries::kAll);

  Traffic& traffic() const { return http_.traffic(); }

 private:
  Result<Endpoint> Probe(const std::string& registry, bool insecure,
                         std::stop_token stop, Tries tries);

  const HttpClient& http_;
  const RetryPolicy retry_;
  RetryBudget retry_budget_;
  const std::vector<std::string> insecure_registries_;
  const RegistriesConfig registries_;
  TokenSource tokens_;
  // By registry, and whether it is marked insecure.
  Guarded<std::map<std::pair<std::string, bool>, Endpoint>> endpoints_;
};

// Whether another try may end better.
bool IsRetryable(const HttpResult& result);

// Whether a transfer of `size_bytes` that moved so far between two failures
// goes forward: by a hundredth, or some megabytes of a large one. Less could go
// on for ever.
bool IsProgress(uint64_t moved_bytes, uint64_t size_bytes);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_TRANSPORT_H_
