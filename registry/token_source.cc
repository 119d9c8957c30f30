#include "registry/token_source.h"

#include <algorithm>

#include "registry/cloud_logins.h"
#include "registry/registry_error.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using Clock = std::chrono::steady_clock;

// What the token specification says where `expires_in` is missing.
constexpr std::chrono::seconds kDefaultTokenLife{60};
// A token is renewed so long before its end; a request may take a while.
constexpr std::chrono::seconds kTokenMargin{15};
constexpr std::string_view kClientId = "strake";

std::string BasicValue(const Credential& credential) {
  return "Basic " +
         Base64Encode(credential.username + ":" + credential.password);
}

std::string CacheKey(const std::vector<std::string>& scopes) {
  return Join(scopes, " ");
}

// The scopes of both, each once.
std::vector<std::string> Union(std::vector<std::string> scopes,
                               std::string_view more) {
  for (std::string_view scope : Split(more, ' ')) {
    if (!scope.empty() && std::ranges::find(scopes, scope) == scopes.end()) {
      scopes.emplace_back(scope);
    }
  }
  return scopes;
}

const AuthChallenge* FindScheme(const std::vector<AuthChallenge>& challenges,
                                std::string_view scheme) {
  auto it = std::ranges::find(challenges, scheme, &AuthChallenge::scheme);
  return it == challenges.end() ? nullptr : &*it;
}

HttpRequest TokenRequest(const std::string& realm, const std::string& service,
                         const std::vector<std::string>& scopes,
                         const std::optional<Credential>& credential) {
  HttpRequest request;
  if (credential && !credential->identity_token.empty()) {
    // OAuth2 (RFC 6749, section 6): the identity token is a refresh token.
    request.method = "POST";
    request.url = realm;
    request.headers.Add("Content-Type", "application/x-www-form-urlencoded");
    request.body =
        "grant_type=refresh_token&client_id=" + std::string(kClientId) +
        "&service=" + PercentEncode(service) +
        "&scope=" + PercentEncode(Join(scopes, " ")) +
        "&refresh_token=" + PercentEncode(credential->identity_token);
    return request;
  }
  request.url = realm;
  if (!service.empty()) {
    request.url = WithQuery(request.url, "service", service);
  }
  for (const std::string& scope : scopes) {
    request.url = WithQuery(request.url, "scope", scope);
  }
  if (credential) {
    request.url = WithQuery(request.url, "account", credential->username);
    request.headers.Add("Authorization", BasicValue(*credential));
  }
  return request;
}

struct ParsedToken {
  std::string value;
  std::chrono::seconds life;
};

Result<ParsedToken> ParseToken(const std::string& body) {
  ASSIGN_OR_RETURN(nlohmann::json document, ParseJson(body));
  JsonField root(document);
  // Docker's name first, OAuth2's second; either is a token.
  ASSIGN_OR_RETURN(std::string value, root.At("token").StringOr(""));
  if (value.empty()) {
    ASSIGN_OR_RETURN(value, root.At("access_token").StringOr(""));
  }
  if (value.empty()) return InvalidArgument("no token in the answer");
  bool safe = std::ranges::none_of(
      value, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (!safe) return InvalidArgument("control characters in the token");
  ASSIGN_OR_RETURN(int64_t seconds,
                   root.At("expires_in").IntOr(kDefaultTokenLife.count()));
  if (seconds <= 0) seconds = kDefaultTokenLife.count();
  return ParsedToken{std::move(value), std::chrono::seconds(seconds)};
}

}  // namespace

std::string RepositoryScope(std::string_view repository,
                            std::string_view actions) {
  return "repository:" + std::string(repository) + ":" + std::string(actions);
}

TokenSource::TokenSource(const HttpClient& http, const ClientOptions& options,
                         Credentials credentials, RetryBudget& retry_budget)
    : http_(http),
      credentials_(std::move(credentials)),
      cloud_logins_(options.cloud_logins),
      retry_(options.retry),
      retry_budget_(retry_budget),
      insecure_registries_(options.insecure_registries) {}

std::string TokenSource::KeyOf(const AuthTarget& target) const {
  return credentials_.ScopeOf(target.registry, target.repository);
}

Result<std::string> TokenSource::Authorize(
    const AuthTarget& target, const std::vector<std::string>& scopes,
    std::stop_token stop) {
  TokenService service;
  {
    auto states = states_.lock();
    State& state = (*states)[KeyOf(target)];
    if (state.scheme == State::Scheme::kUnknown) return std::string();
    if (state.scheme == State::Scheme::kBasic) {
      bool expired =
          state.credential_expires && *state.credential_expires <= Clock::now();
      if (!expired) {
        return state.credential ? BasicValue(*state.credential) : std::string();
      }
      // Anonymously once more: what it demands then gets a fresh login.
      state.scheme = State::Scheme::kUnknown;
      return std::string();
    }
    auto it = state.tokens.find(CacheKey(scopes));
    if (it != state.tokens.end() && it->second.expires > Clock::now()) {
      return "Bearer " + it->second.value;
    }
    service = state.token_service;
  }
  return FetchToken(target, service, scopes, scopes, stop);
}

Result<std::string> TokenSource::Reauthorize(
    const AuthTarget& target, const Endpoint& endpoint,
    const std::vector<std::string>& scopes, const HttpResponse& answer,
    const std::string& rejected, std::stop_token stop) {
  std::vector<AuthChallenge> challenges =
      ParseAuthChallenges(answer.headers.GetAll("WWW-Authenticate"));
  if (const AuthChallenge* bearer = FindScheme(challenges, "bearer")) {
    ASSIGN_OR_RETURN(TokenService service, ReadChallenge(endpoint, *bearer));
    {
      auto states = states_.lock();
      State& state = (*states)[KeyOf(target)];
      state.scheme = State::Scheme::kBearer;
      state.token_service = service;
      state.tokens.erase(CacheKey(scopes));
    }
    return FetchToken(target, service, scopes,
                      Union(scopes, bearer->Get("scope")), stop);
  }
  if (FindScheme(challenges, "basic") != nullptr) {
    return UseBasic(target, answer, rejected, stop);
  }
  if (challenges.empty()) return Refused(target, answer);
  return Error(ErrorCode::kUnauthorized,
               "registry " + target.registry + " asks for authentication \"" +
                   challenges[0].scheme +
                   "\"; strake knows basic and bearer only");
}

Result<std::string> TokenSource::UseBasic(const AuthTarget& target,
                                          const HttpResponse& answer,
                                          const std::string& rejected,
                                          std::stop_token stop) {
  ASSIGN_OR_RETURN(std::optional<Credential> credential,
                   CredentialFor(target, stop));
  states_.lock()->at(KeyOf(target)).scheme = State::Scheme::kBasic;
  if (!credential || BasicValue(*credential) == rejected) {
    return Refused(target, answer);
  }
  return BasicValue(*credential);
}

Result<std::optional<Credential>> TokenSource::CredentialFor(
    const AuthTarget& target, std::stop_token stop) {
  {
    auto states = states_.lock();
    State& state = (*states)[KeyOf(target)];
    bool expired =
        state.credential_expires && *state.credential_expires <= Clock::now();
    if (state.credential_known && !expired) return state.credential;
  }
  State found;
  ASSIGN_OR_RETURN(
      found.credential,
      credentials_.Lookup(target.registry, target.repository, stop));
  if (!found.credential) TakeCloudLogin(target, found, stop);
  if (stop.stop_requested()) return Cancelled("login: stopped");
  auto states = states_.lock();
  State& state = (*states)[KeyOf(target)];
  state.credential_known = true;
  state.credential = found.credential;
  state.from_environment = found.from_environment;
  state.credential_expires = found.credential_expires;
  state.login_failure = found.login_failure;
  return found.credential;
}

void TokenSource::TakeCloudLogin(const AuthTarget& target, State& found,
                                 std::stop_token stop) const {
  auto login = FindCloudLogin({.http = http_,
                               .options = cloud_logins_,
                               .retry = retry_,
                               .registry = target.registry,
                               .stop = stop});
  if (!login) {
    found.login_failure = login.error().message();
  } else if (*login) {
    found.from_environment = true;
    found.credential = (*login)->credential;
    if ((*login)->life) {
      found.credential_expires = Clock::now() + *(*login)->life;
    }
  }
}

bool TokenSource::DropCloudLogin(const AuthTarget& target,
                                 const HttpResponse& answer) {
  std::string identity = Identity(target);
  auto states = states_.lock();
  State& state = (*states)[KeyOf(target)];
  if (!state.from_environment) return false;
  state.login_failure =
      "the login of " + identity +
      " from the environment was refused: " + DescribeAnswer(answer);
  state.from_environment = false;
  state.credential_expires.reset();
  state.credential.reset();
  return true;
}

Result<TokenSource::TokenService> TokenSource::ReadChallenge(
    const Endpoint& endpoint, const AuthChallenge& challenge) const {
  TokenService service;
  service.realm = challenge.Get("realm");
  service.service = challenge.Get("service");
  if (service.realm.empty()) {
    return Error(ErrorCode::kUnsupported,
                 endpoint.Origin() +
                     ": the bearer challenge names no token service (realm)");
  }
  service.realm = ResolveUrl(endpoint.Origin() + "/", service.realm);
  std::string origin = OriginOf(service.realm);
  std::string authority = origin.substr(origin.find("://") + 3);
  bool same_host = origin == OriginOf(endpoint.Origin());
  service.insecure =
      same_host ? !endpoint.verify_tls
                : !EndpointsOf(authority, insecure_registries_)[0].verify_tls;
  if (!service.realm.starts_with("https://") && !service.insecure) {
    return Error(ErrorCode::kUnsupported,
                 endpoint.Origin() + ": its token service " + origin +
                     " speaks plain HTTP; credentials are not sent there");
  }
  return service;
}

Result<HttpResponse> TokenSource::AskTokenService(const AuthTarget& target,
                                                  const HttpRequest& request,
                                                  std::stop_token stop) const {
  Retries retries(retry_, &retry_budget_, stop);
  while (true) {
    HttpResult result = http_.Send(request, stop);
    bool retryable = result.failure == HttpFailure::kConnect ||
                     result.failure == HttpFailure::kBroken;
    if (result.failure == HttpFailure::kNone) {
      if (!IsRetryableStatus(result.response.status)) {
        return std::move(result.response);
      }
      retryable = true;
    }
    if (retryable && retries.WaitForNext(RetryAfterOf(result.response))) {
      continue;
    }
    std::string what = "token service of registry " + target.registry;
    if (result.failure != HttpFailure::kNone) {
      return Error(result.error->code(),
                   what + ": " + result.error->message() + retries.Note());
    }
    result.response.note = retries.Note();
    return AnswerError(what, result.response);
  }
}

Result<std::string> TokenSource::FetchToken(
    const AuthTarget& target, const TokenService& service,
    const std::vector<std::string>& scopes,
    const std::vector<std::string>& wanted, std::stop_token stop) {
  ASSIGN_OR_RETURN(std::optional<Credential> credential,
                   CredentialFor(target, stop));
  HttpRequest request =
      TokenRequest(service.realm, service.service, wanted, credential);
  request.insecure = service.insecure;
  request.show_certificate = true;
  ASSIGN_OR_RETURN(HttpResponse response,
                   AskTokenService(target, request, stop));
  bool refused = response.status == 400 || response.status == 401 ||
                 response.status == 403;
  if (refused && DropCloudLogin(target, response)) {
    return FetchToken(target, service, scopes, wanted, stop);
  }
  if (refused) return Refused(target, response);
  std::string what = "token service " + OriginOf(service.realm) +
                     " of registry " + target.registry;
  if (response.status != 200) return AnswerError(what, response);
  auto token = ParseToken(response.body);
  if (!token) {
    return Error(ErrorCode::kUnsupported,
                 what + ": " + token.error().message());
  }
  auto margin = std::min(kTokenMargin, token->life / 2);
  std::string value = token->value;
  (*states_.lock())[KeyOf(target)].tokens[CacheKey(scopes)] = {
      value, Clock::now() + token->life - margin};
  return "Bearer " + value;
}

std::string TokenSource::Identity(const AuthTarget& target) {
  auto states = states_.lock();
  auto it = states->find(KeyOf(target));
  if (it == states->end() || !it->second.credential) return "anonymous";
  const Credential& credential = *it->second.credential;
  if (credential.username.empty()) return "an identity token";
  return "user \"" + credential.username + "\"";
}

Error TokenSource::Refused(const AuthTarget& target,
                           const HttpResponse& answer) {
  std::string identity = Identity(target);
  std::string text =
      identity == "anonymous"
          ? "registry " + target.registry +
                " asks for a login, and none was given"
          : "registry " + target.registry + " refused the login of " + identity;
  text += " (" + DescribeAnswer(answer) + ")";
  std::string failure = (*states_.lock())[KeyOf(target)].login_failure;
  if (!failure.empty()) text += "; " + failure;
  return Error(ErrorCode::kUnauthorized, std::move(text));
}

}  // namespace strake::registry
