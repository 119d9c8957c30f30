// Logins to the registries of clouds and CI systems from what these leave in
// the environment of a job, without helper programs:
//
//   Amazon ECR       AWS_ACCESS_KEY_ID..., AWS_WEB_IDENTITY_TOKEN_FILE,
//                    AWS_CONTAINER_CREDENTIALS_*   (ecr_login.cc)
//   Azure (ACR)      AZURE_TENANT_ID, AZURE_CLIENT_ID, and AZURE_CLIENT_SECRET
//                    or AZURE_FEDERATED_TOKEN_FILE  (acr_login.cc)
//   Google (GAR,GCR) GOOGLE_APPLICATION_CREDENTIALS, metadata server
//                                                   (google_login.cc)
//   GitHub (GHCR)    GITHUB_TOKEN, GITHUB_ACTOR
//   GitLab           CI_REGISTRY, CI_REGISTRY_USER, CI_REGISTRY_PASSWORD or
//                    CI_JOB_TOKEN; CI_DEPENDENCY_PROXY_*
//
// A login goes to the registries of its issuer only.

#ifndef STRAKE_REGISTRY_CLOUD_LOGINS_H_
#define STRAKE_REGISTRY_CLOUD_LOGINS_H_

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "registry/credentials.h"
#include "registry/http_client.h"
#include "util/result.h"

namespace strake::registry {

// A credential, good for so long from now on.
struct TimedCredential {
  Credential credential = {};
  std::optional<std::chrono::seconds> life = {};  // none: for ever
};

// What every login looks at. Borrows everything.
struct CloudLoginRequest {
  const HttpClient& http;
  const CloudLoginOptions& options;
  const RetryPolicy& retry;
  std::string registry;  // canonical
  std::stop_token stop;

  // The variable, "" where it is unset.
  std::string Get(std::string_view name) const;
};

// The login for `request.registry`; nothing where it is nobody's registry here
// or its environment is not set. Errors name the variables and hosts at fault,
// never a secret.
Result<std::optional<TimedCredential>> FindCloudLogin(
    const CloudLoginRequest& request);

// Each for registries of its own; nothing for all others.
Result<std::optional<TimedCredential>> EcrLogin(
    const CloudLoginRequest& request);
Result<std::optional<TimedCredential>> AcrLogin(
    const CloudLoginRequest& request);
Result<std::optional<TimedCredential>> GoogleLogin(
    const CloudLoginRequest& request);

// The answer's body where its status is 2xx; tried anew where that may help.
// Errors name `what`, the host and the status, with nothing of the body: it may
// repeat what was sent.
Result<std::string> AskLoginService(const CloudLoginRequest& request,
                                    const HttpRequest& http,
                                    std::string_view what);
// "a=b&c=d", percent-encoded, with its Content-Type.
void SetForm(HttpRequest& http,
             const std::vector<std::pair<std::string, std::string>>& fields);
// The content of the file that `variable` names, without blanks around it.
Result<std::string> ReadTokenFile(const CloudLoginRequest& request,
                                  std::string_view variable);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_CLOUD_LOGINS_H_
