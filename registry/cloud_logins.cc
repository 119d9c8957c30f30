#include "registry/cloud_logins.h"

#include "registry/endpoint.h"
#include "registry/retry.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using Login = std::optional<TimedCredential>;

constexpr uint64_t kTokenLimitBytes = uint64_t{1} << 20;

Login Plain(std::string user, std::string password) {
  if (user.empty() || password.empty()) return {};
  TimedCredential login;
  login.credential.username = std::move(user);
  login.credential.password = std::move(password);
  return login;
}

// https://docs.github.com: any user name goes with a job's token.
Login GitHubLogin(const CloudLoginRequest& request) {
  if (request.registry != "ghcr.io") return {};
  std::string actor = request.Get("GITHUB_ACTOR");
  return Plain(actor.empty() ? "x-access-token" : actor,
               request.Get("GITHUB_TOKEN"));
}

// GitLab's predefined CI/CD variables.
Login GitLabLogin(const CloudLoginRequest& request) {
  auto is = [&](const char* variable) {
    std::string server = request.Get(variable);
    return !server.empty() && CanonicalRegistry(server) == request.registry;
  };
  if (is("CI_REGISTRY")) {
    Login login = Plain(request.Get("CI_REGISTRY_USER"),
                        request.Get("CI_REGISTRY_PASSWORD"));
    if (login) return login;
    return Plain("gitlab-ci-token", request.Get("CI_JOB_TOKEN"));
  }
  if (is("CI_DEPENDENCY_PROXY_SERVER")) {
    return Plain(request.Get("CI_DEPENDENCY_PROXY_USER"),
                 request.Get("CI_DEPENDENCY_PROXY_PASSWORD"));
  }
  return {};
}

}  // namespace

std::string CloudLoginRequest::Get(std::string_view name) const {
  auto found = options.variables.find(name);
  return found == options.variables.end() ? "" : found->second;
}

Result<Login> FindCloudLogin(const CloudLoginRequest& request) {
  if (Login login = GitHubLogin(request)) return login;
  if (Login login = GitLabLogin(request)) return login;
  for (auto* find : {&EcrLogin, &AcrLogin, &GoogleLogin}) {
    ASSIGN_OR_RETURN(Login login, find(request));
    if (login) return login;
  }
  return Login();
}

Result<std::string> AskLoginService(const CloudLoginRequest& request,
                                    const HttpRequest& http,
                                    std::string_view what) {
  std::string tried = std::string(what) + " at " + OriginOf(http.url);
  Retries retries(request.retry, nullptr, request.stop);
  while (true) {
    HttpResult result = request.http.Send(http, request.stop);
    bool broken = result.failure == HttpFailure::kConnect ||
                  result.failure == HttpFailure::kBroken;
    bool answered = result.failure == HttpFailure::kNone;
    int status = result.response.status;
    if (answered && status / 100 == 2) return std::move(result.response.body);
    if ((broken || (answered && IsRetryableStatus(status))) &&
        retries.WaitForNext()) {
      continue;
    }
    if (!answered) return std::move(*result.error).Wrap(tried);
    return Error(ErrorCode::kUnauthorized,
                 tried + ": the service answered " + std::to_string(status));
  }
}

void SetForm(HttpRequest& http,
             const std::vector<std::pair<std::string, std::string>>& fields) {
  http.method = "POST";
  http.headers.Add("Content-Type", "application/x-www-form-urlencoded");
  for (const auto& [name, value] : fields) {
    if (!http.body.empty()) http.body += '&';
    http.body += name + "=" + PercentEncode(value);
  }
}

Result<std::string> ReadTokenFile(const CloudLoginRequest& request,
                                  std::string_view variable) {
  auto text = ReadFile(request.Get(variable), kTokenLimitBytes);
  if (!text) return std::move(text).error().Wrap("$" + std::string(variable));
  return std::string(Trim(*text));
}

}  // namespace strake::registry
