// Azure Container Registry: a service principal or a workload identity gets an
// access token of Microsoft Entra (OAuth2 client credentials), which the
// registry exchanges for a refresh token of its own.

#include "registry/cloud_logins.h"
#include "registry/endpoint.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using Login = std::optional<TimedCredential>;

constexpr std::chrono::hours kLife{2};  // of three
constexpr std::string_view kScope =
    "https://containerregistry.azure.net/.default";
constexpr std::string_view kAssertion =
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

// Each cloud of Azure and who issues its tokens.
struct Cloud {
  std::string_view suffix;
  std::string_view authority;
};
constexpr Cloud kClouds[] = {
    {".azurecr.io", "https://login.microsoftonline.com"},
    {".azurecr.cn", "https://login.chinacloudapi.cn"},
    {".azurecr.us", "https://login.microsoftonline.us"},
};

std::string_view AuthorityFor(std::string_view registry) {
  for (const Cloud& cloud : kClouds) {
    if (registry.ends_with(cloud.suffix)) return cloud.authority;
  }
  return "";
}

Result<std::string> Member(const std::string& body, const char* name,
                           const char* what) {
  auto document = ParseJson(body);
  if (!document) return std::move(document).error().Wrap(what);
  auto value = JsonField(*document).At(name).String();
  if (!value) return std::move(value).error().Wrap(what);
  return value;
}

Result<std::string> EntraToken(const CloudLoginRequest& request,
                               std::string_view authority) {
  std::string origin = request.Get("AZURE_AUTHORITY_HOST");
  if (origin.empty()) origin = authority;
  while (origin.ends_with('/')) origin.pop_back();
  HttpRequest http;
  http.url =
      origin + "/" + request.Get("AZURE_TENANT_ID") + "/oauth2/v2.0/token";
  std::vector<std::pair<std::string, std::string>> fields = {
      {"grant_type", "client_credentials"},
      {"client_id", request.Get("AZURE_CLIENT_ID")},
      {"scope", std::string(kScope)}};
  if (std::string secret = request.Get("AZURE_CLIENT_SECRET");
      !secret.empty()) {
    fields.emplace_back("client_secret", secret);
  } else {
    ASSIGN_OR_RETURN(std::string assertion,
                     ReadTokenFile(request, "AZURE_FEDERATED_TOKEN_FILE"));
    fields.emplace_back("client_assertion_type", kAssertion);
    fields.emplace_back("client_assertion", assertion);
  }
  SetForm(http, fields);
  constexpr const char* kWhat = "Azure login";
  ASSIGN_OR_RETURN(std::string body, AskLoginService(request, http, kWhat));
  return Member(body, "access_token", kWhat);
}

}  // namespace

Result<Login> AcrLogin(const CloudLoginRequest& request) {
  std::string_view authority = AuthorityFor(request.registry);
  bool have_secret = !request.Get("AZURE_CLIENT_SECRET").empty() ||
                     !request.Get("AZURE_FEDERATED_TOKEN_FILE").empty();
  if (authority.empty() || !have_secret ||
      request.Get("AZURE_TENANT_ID").empty() ||
      request.Get("AZURE_CLIENT_ID").empty()) {
    return Login();
  }
  ASSIGN_OR_RETURN(std::string token, EntraToken(request, authority));
  std::string origin = request.options.acr_exchange_origin;
  if (origin.empty()) origin = "https://" + request.registry;
  HttpRequest http;
  http.url = origin + "/oauth2/exchange";
  SetForm(http, {{"grant_type", "access_token"},
                 {"service", request.registry},
                 {"tenant", request.Get("AZURE_TENANT_ID")},
                 {"access_token", token}});
  constexpr const char* kWhat = "exchange of the Azure token";
  ASSIGN_OR_RETURN(std::string body, AskLoginService(request, http, kWhat));
  TimedCredential login;
  // The name that Azure documents for tokens.
  login.credential.username = "00000000-0000-0000-0000-000000000000";
  ASSIGN_OR_RETURN(login.credential.identity_token,
                   Member(body, "refresh_token", kWhat));
  login.life = kLife;
  return Login(std::move(login));
}

}  // namespace strake::registry
