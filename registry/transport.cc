#include "registry/transport.h"

#include <algorithm>
#include <optional>

#include "registry/registry_error.h"
#include "util/result_macros.h"

namespace strake::registry {
namespace {

// How servers that speak TLS greet a plain request, those of Go and nginx.
bool SaysItSpeaksTls(const HttpResponse& response) {
  return response.status == 400 &&
         response.body.find("HTTPS") != std::string::npos;
}

bool HasPort(std::string_view authority) {
  size_t colon = authority.rfind(':');
  return colon != std::string_view::npos &&
         authority.find(']', colon) == std::string_view::npos;
}

HttpResult LocalFailure(Error error) {
  HttpResult result;
  result.failure = HttpFailure::kLocal;
  result.error = std::move(error);
  return result;
}

}  // namespace

bool IsRetryable(const HttpResult& result) {
  switch (result.failure) {
    case HttpFailure::kNone:
      return IsRetryableStatus(result.response.status);
    case HttpFailure::kConnect:
    case HttpFailure::kBroken:
      return true;
    case HttpFailure::kTls:
    case HttpFailure::kNotHttp:
    case HttpFailure::kLocal:
      return false;
  }
  return false;
}

bool IsProgress(uint64_t moved_bytes, uint64_t size_bytes) {
  constexpr uint64_t kEnough = uint64_t{4} << 20;
  return moved_bytes > std::min(size_bytes / 100, kEnough);
}

Transport::Transport(const HttpClient& http, const ClientOptions& options,
                     const Credentials& credentials)
    : http_(http),
      retry_(options.retry),
      retry_budget_(options.retry.budget),
      insecure_registries_(options.insecure_registries),
      registries_(options.registries),
      tokens_(http, options, credentials, retry_budget_) {}

Retries Transport::NewRetries(std::stop_token stop, Tries tries) {
  RetryPolicy policy = retry_;
  if (tries == Tries::kOne) policy.max_retries = 0;
  return Retries(policy, &retry_budget_, std::move(stop));
}

Result<Endpoint> Transport::Connect(const oci::Reference& place,
                                    std::stop_token stop, Tries tries) {
  RETURN_IF_ERROR(registries_.CheckAllowed(place));
  bool insecure = registries_.IsInsecure(place);
  std::pair<std::string, bool> key(place.registry, insecure);
  {
    auto endpoints = endpoints_.lock();
    auto it = endpoints->find(key);
    if (it != endpoints->end()) return it->second;
  }
  ASSIGN_OR_RETURN(Endpoint endpoint,
                   Probe(place.registry, insecure, stop, tries));
  endpoints_.lock()->emplace(key, endpoint);
  return endpoint;
}

Result<Endpoint> Transport::Probe(const std::string& registry, bool insecure,
                                  std::stop_token stop, Tries tries) {
  std::vector<std::string> insecure_registries = insecure_registries_;
  if (insecure) insecure_registries.push_back(registry);
  std::vector<Endpoint> candidates = EndpointsOf(registry, insecure_registries);
  if (candidates.size() == 1) return candidates[0];
  Retries retries = NewRetries(stop, tries);
  while (true) {
    std::optional<Error> first_error;
    bool retryable = false;
    for (const Endpoint& candidate : candidates) {
      HttpRequest ping;
      ping.url = PingUrl(candidate);
      ping.insecure = !candidate.verify_tls;
      ping.show_certificate = true;
      HttpResult result = http_.Send(ping, stop);
      if (result.failure == HttpFailure::kNone) {
        if (!SaysItSpeaksTls(result.response)) return candidate;
        result.error = AnswerError(ping.url, result.response);
      }
      retryable |= IsRetryable(result);
      if (!first_error) first_error = result.error;
      // The other scheme uses the same port where one is named.
      bool pointless = result.failure == HttpFailure::kLocal ||
                       (result.failure == HttpFailure::kConnect &&
                        HasPort(candidate.authority));
      if (pointless) break;
    }
    if (retryable && retries.WaitForNext()) continue;
    return Error(first_error->code(), "registry " + registry + ": " +
                                          first_error->message() +
                                          retries.Note());
  }
}

HttpResult Transport::SendOnce(const ApiRequest& request,
                               std::stop_token stop) {
  bool ours = OriginOf(request.http.url) == OriginOf(request.endpoint.Origin());
  HttpRequest http = request.http;
  if (!ours) {
    http.insecure = IsLoopback(
        OriginOf(http.url).substr(OriginOf(http.url).find("://") + 3));
    return http_.Send(http, stop);
  }
  http.insecure = !request.endpoint.verify_tls;
  http.show_certificate = true;
  auto authorization = tokens_.Authorize(request.target, request.scopes, stop);
  if (!authorization) return LocalFailure(std::move(authorization).error());
  if (!authorization->empty()) {
    http.headers.Add("Authorization", *authorization);
  }
  HttpResult result = http_.Send(http, stop);
  bool denied = result.failure == HttpFailure::kNone &&
                result.response.status == 401 &&
                OriginOf(result.response.url) == OriginOf(http.url);
  if (!denied) return result;
  auto renewed =
      tokens_.Reauthorize(request.target, request.endpoint, request.scopes,
                          result.response, *authorization, stop);
  if (!renewed) return LocalFailure(std::move(renewed).error());
  http.headers.Remove("Authorization");
  http.headers.Add("Authorization", *renewed);
  result = http_.Send(http, stop);
  if (result.failure == HttpFailure::kNone && result.response.status == 401) {
    return LocalFailure(tokens_.Refused(request.target, result.response));
  }
  return result;
}

Result<HttpResponse> Transport::Send(const ApiRequest& request,
                                     std::stop_token stop, Tries tries) {
  Retries retries = NewRetries(stop, tries);
  while (true) {
    HttpResult result = SendOnce(request, stop);
    if (IsRetryable(result)) {
      if (retries.WaitForNext(RetryAfterOf(result.response))) continue;
      if (stop.stop_requested()) {
        return Cancelled(request.http.method + " " +
                         ShownUrl(request.http.url) + ": stopped");
      }
    }
    if (result.failure != HttpFailure::kNone) {
      return Error(result.error->code(),
                   result.error->message() + retries.Note());
    }
    result.response.note = retries.Note();
    return std::move(result.response);
  }
}

}  // namespace strake::registry
