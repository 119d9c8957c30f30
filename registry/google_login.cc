// Google's Artifact Registry and Container Registry: an access token of OAuth2,
// for the key of a service account (RFC 7523), a user's login, an identity of
// another issuer (workload identity federation, RFC 8693), or from the metadata
// server of a machine of theirs.

#include <utility>
#include <vector>

#include "registry/cloud_logins.h"
#include "registry/endpoint.h"
#include "registry/signed_jwt.h"
#include "util/byte_stream.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using Login = std::optional<TimedCredential>;
using nlohmann::json;

constexpr std::string_view kKeyFile = "GOOGLE_APPLICATION_CREDENTIALS";
constexpr std::string_view kScope =
    "https://www.googleapis.com/auth/cloud-platform";
constexpr const char* kTokenService = "https://oauth2.googleapis.com/token";
constexpr const char* kWhat = "Google login";
constexpr uint64_t kFileLimitBytes = uint64_t{1} << 20;
// Tokens live for an hour; renewed before that.
constexpr std::chrono::minutes kLife{45};
constexpr std::chrono::minutes kMargin{5};

bool IsGoogles(std::string_view registry) {
  return registry == "gcr.io" || registry.ends_with(".gcr.io") ||
         registry.ends_with("-docker.pkg.dev");
}

Login FromToken(std::string token, int64_t life_seconds) {
  TimedCredential login;
  login.credential.username = "oauth2accesstoken";
  login.credential.password = std::move(token);
  auto life = std::chrono::seconds(life_seconds) - kMargin;
  login.life = life.count() > 0 ? std::min<std::chrono::seconds>(life, kLife)
                                : std::chrono::seconds(30);
  return login;
}

Result<Login> ReadToken(const std::string& body) {
  auto document = ParseJson(body);
  if (!document) return std::move(document).error().Wrap(kWhat);
  JsonField root(*document);
  ASSIGN_OR_RETURN(std::string token, root.At("access_token").String());
  ASSIGN_OR_RETURN(int64_t life, root.At("expires_in").IntOr(3600));
  return FromToken(std::move(token), life);
}

Result<Login> ServiceAccountLogin(const CloudLoginRequest& request,
                                  const JsonField& file) {
  ASSIGN_OR_RETURN(std::string email, file.At("client_email").String());
  ASSIGN_OR_RETURN(std::string key, file.At("private_key").String());
  ASSIGN_OR_RETURN(std::string key_id, file.At("private_key_id").StringOr(""));
  ASSIGN_OR_RETURN(std::string service,
                   file.At("token_uri").StringOr(kTokenService));
  auto now = std::chrono::duration_cast<std::chrono::seconds>(
                 std::chrono::system_clock::now().time_since_epoch())
                 .count();
  json claims = {{"iss", email},
                 {"scope", kScope},
                 {"aud", service},
                 {"iat", now},
                 {"exp", now + 3600}};
  ASSIGN_OR_RETURN(std::string assertion,
                   MakeSignedJwt(DumpJson(claims), key_id, key));
  HttpRequest http;
  http.url = service;
  SetForm(http, {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
                 {"assertion", assertion}});
  ASSIGN_OR_RETURN(std::string body, AskLoginService(request, http, kWhat));
  return ReadToken(body);
}

Result<Login> UserLogin(const CloudLoginRequest& request,
                        const JsonField& file) {
  ASSIGN_OR_RETURN(std::string client, file.At("client_id").String());
  ASSIGN_OR_RETURN(std::string secret, file.At("client_secret").String());
  ASSIGN_OR_RETURN(std::string refresh, file.At("refresh_token").String());
  HttpRequest http;
  ASSIGN_OR_RETURN(http.url, file.At("token_uri").StringOr(kTokenService));
  SetForm(http, {{"grant_type", "refresh_token"},
                 {"client_id", client},
                 {"client_secret", secret},
                 {"refresh_token", refresh}});
  ASSIGN_OR_RETURN(std::string body, AskLoginService(request, http, kWhat));
  return ReadToken(body);
}

// The token of the other issuer, from a file or a local service.
Result<std::string> SubjectToken(const CloudLoginRequest& request,
                                 const JsonField& source) {
  ASSIGN_OR_RETURN(std::string path, source.At("file").StringOr(""));
  ASSIGN_OR_RETURN(std::string url, source.At("url").StringOr(""));
  std::string text;
  if (!path.empty()) {
    ASSIGN_OR_RETURN(text, ReadFile(path, kFileLimitBytes));
  } else if (!url.empty() && !source.At("environment_id").present()) {
    HttpRequest http;
    http.url = url;
    ASSIGN_OR_RETURN(auto headers, source.At("headers").StringMapOr({}));
    for (const auto& [name, value] : headers) http.headers.Add(name, value);
    ASSIGN_OR_RETURN(text, AskLoginService(request, http, "identity token"));
  } else {
    return Unsupported(
        "credential_source: strake takes the token from a file or a url; "
        "for other sources use docker-credential-gcloud");
  }
  JsonField format = source.At("format");
  ASSIGN_OR_RETURN(std::string type, format.At("type").StringOr("text"));
  if (type != "json") return std::string(Trim(text));
  ASSIGN_OR_RETURN(std::string member,
                   format.At("subject_token_field_name").String());
  ASSIGN_OR_RETURN(json document, ParseJson(text));
  return JsonField(document).At(member).String();
}

// Trades the token of the federated identity for one of a service account.
Result<Login> Impersonate(const CloudLoginRequest& request,
                          const std::string& url, const std::string& token) {
  HttpRequest http;
  http.method = "POST";
  http.url = url;
  http.headers.Add("Authorization", "Bearer " + token);
  http.headers.Add("Content-Type", "application/json");
  json body = {{"scope", json::array({kScope})}};
  http.body = DumpJson(body);
  ASSIGN_OR_RETURN(std::string answer, AskLoginService(request, http, kWhat));
  auto document = ParseJson(answer);
  if (!document) return std::move(document).error().Wrap(kWhat);
  ASSIGN_OR_RETURN(std::string access,
                   JsonField(*document).At("accessToken").String());
  return FromToken(std::move(access), 3600);
}

Result<Login> FederatedLogin(const CloudLoginRequest& request,
                             const JsonField& file) {
  ASSIGN_OR_RETURN(std::string audience, file.At("audience").String());
  ASSIGN_OR_RETURN(std::string type, file.At("subject_token_type").String());
  ASSIGN_OR_RETURN(std::string subject,
                   SubjectToken(request, file.At("credential_source")));
  HttpRequest http;
  ASSIGN_OR_RETURN(http.url, file.At("token_url").String());
  SetForm(http,
          {{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
           {"audience", audience},
           {"scope", std::string(kScope)},
           {"requested_token_type",
            "urn:ietf:params:oauth:token-type:access_token"},
           {"subject_token_type", type},
           {"subject_token", subject}});
  ASSIGN_OR_RETURN(std::string body, AskLoginService(request, http, kWhat));
  ASSIGN_OR_RETURN(std::string impersonation,
                   file.At("service_account_impersonation_url").StringOr(""));
  ASSIGN_OR_RETURN(Login login, ReadToken(body));
  if (impersonation.empty()) return login;
  return Impersonate(request, impersonation, login->credential.password);
}

Result<Login> FileLogin(const CloudLoginRequest& request) {
  ASSIGN_OR_RETURN(std::string text, ReadTokenFile(request, kKeyFile));
  std::string where = request.Get(kKeyFile);
  auto fail = [&](Error error) { return std::move(error).Wrap(where); };
  auto document = ParseJson(text);
  if (!document) return fail(std::move(document).error());
  JsonField file(*document);
  auto type = file.At("type").String();
  if (!type) return fail(std::move(type).error());
  auto login = [&]() -> Result<Login> {
    if (*type == "service_account") return ServiceAccountLogin(request, file);
    if (*type == "authorized_user") return UserLogin(request, file);
    if (*type == "external_account") return FederatedLogin(request, file);
    return Unsupported("type " + GoQuote(*type) +
                       ": strake knows service_account, authorized_user and "
                       "external_account");
  }();
  if (!login) return fail(std::move(login).error());
  return login;
}

Result<Login> MetadataLogin(const CloudLoginRequest& request) {
  std::string host = request.Get("GCE_METADATA_HOST");
  if (host.empty() && !request.options.on_google_machine) return Login();
  if (host.empty()) host = "metadata.google.internal";
  HttpRequest http;
  http.url = "http://" + host +
             "/computeMetadata/v1/instance/service-accounts/default/token";
  http.headers.Add("Metadata-Flavor", "Google");
  http.direct = true;
  ASSIGN_OR_RETURN(std::string body, AskLoginService(request, http, kWhat));
  return ReadToken(body);
}

}  // namespace

Result<Login> GoogleLogin(const CloudLoginRequest& request) {
  if (!IsGoogles(request.registry)) return Login();
  if (!request.Get(kKeyFile).empty()) return FileLogin(request);
  return MetadataLogin(request);
}

}  // namespace strake::registry
