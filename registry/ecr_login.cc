// Amazon ECR: keys from the environment, a role for a web identity token (EKS,
// GitHub's and GitLab's OIDC), or the credentials endpoint of a container (ECS,
// CodeBuild, EKS Pod Identity); with these, GetAuthorizationToken, whose answer
// is a user name and a password for twelve hours.

#include <re2/re2.h>

#include <algorithm>

#include "registry/aws_signature.h"
#include "registry/cloud_logins.h"
#include "registry/endpoint.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using Login = std::optional<TimedCredential>;

constexpr std::chrono::hours kLife{11};  // of twelve
constexpr std::string_view kContainerHost = "http://169.254.170.2";

// Whose registry it is.
struct EcrHost {
  std::string region = {};
  std::string domain = {};  // "amazonaws.com", "amazonaws.com.cn"
  bool fips = false;
};

std::optional<EcrHost> ParseHost(const std::string& registry) {
  static const RE2 pattern(
      R"(\d{12}\.dkr\.ecr(-fips)?\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?))");
  EcrHost host;
  std::string fips;
  if (!RE2::FullMatch(registry, pattern, &fips, &host.region, &host.domain)) {
    return {};
  }
  host.fips = !fips.empty();
  return host;
}

// The address of a service, or what the documented variables say in its place.
std::string ServiceOrigin(const CloudLoginRequest& request,
                          const char* variable, const std::string& origin) {
  for (const char* name : {variable, "AWS_ENDPOINT_URL"}) {
    std::string value = request.Get(name);
    if (!value.empty()) return OriginOf(value);
  }
  return origin;
}

Result<AwsKeys> KeysOf(const std::string& body, const char* id,
                       const char* token) {
  ASSIGN_OR_RETURN(nlohmann::json document, ParseJson(body));
  JsonField root(document);
  // The answer of STS is wrapped twice.
  JsonField credentials = root.At("AssumeRoleWithWebIdentityResponse")
                              .At("AssumeRoleWithWebIdentityResult")
                              .At("Credentials");
  if (!credentials.present()) credentials = root;
  AwsKeys keys;
  ASSIGN_OR_RETURN(keys.access_key_id, credentials.At(id).String());
  ASSIGN_OR_RETURN(keys.secret_access_key,
                   credentials.At("SecretAccessKey").String());
  ASSIGN_OR_RETURN(keys.session_token, credentials.At(token).StringOr(""));
  return keys;
}

Result<AwsKeys> KeysOfWebIdentity(const CloudLoginRequest& request,
                                  const EcrHost& host) {
  ASSIGN_OR_RETURN(std::string token,
                   ReadTokenFile(request, "AWS_WEB_IDENTITY_TOKEN_FILE"));
  std::string session = request.Get("AWS_ROLE_SESSION_NAME");
  HttpRequest http;
  http.url = ServiceOrigin(request, "AWS_ENDPOINT_URL_STS",
                           "https://sts." + host.region + "." + host.domain) +
             "/";
  http.headers.Add("Accept", "application/json");
  SetForm(http, {{"Action", "AssumeRoleWithWebIdentity"},
                 {"Version", "2011-06-15"},
                 {"RoleArn", request.Get("AWS_ROLE_ARN")},
                 {"RoleSessionName", session.empty() ? "strake" : session},
                 {"WebIdentityToken", token}});
  ASSIGN_OR_RETURN(std::string body,
                   AskLoginService(request, http, "AssumeRoleWithWebIdentity"));
  return KeysOf(body, "AccessKeyId", "SessionToken");
}

Result<AwsKeys> KeysOfContainer(const CloudLoginRequest& request) {
  HttpRequest http;
  std::string relative = request.Get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  http.url = relative.empty()
                 ? request.Get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
                 : std::string(kContainerHost) + relative;
  http.direct = true;
  std::string token = request.Get("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (!request.Get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").empty()) {
    ASSIGN_OR_RETURN(
        token,
        ReadTokenFile(request, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
  }
  if (!token.empty()) http.headers.Add("Authorization", token);
  ASSIGN_OR_RETURN(
      std::string body,
      AskLoginService(request, http, "credentials of the container"));
  return KeysOf(body, "AccessKeyId", "Token");
}

Result<std::optional<AwsKeys>> FindKeys(const CloudLoginRequest& request,
                                        const EcrHost& host) {
  using Found = std::optional<AwsKeys>;
  AwsKeys keys;
  keys.access_key_id = request.Get("AWS_ACCESS_KEY_ID");
  keys.secret_access_key = request.Get("AWS_SECRET_ACCESS_KEY");
  keys.session_token = request.Get("AWS_SESSION_TOKEN");
  if (!keys.access_key_id.empty() && !keys.secret_access_key.empty()) {
    return Found(keys);
  }
  bool web_identity = !request.Get("AWS_WEB_IDENTITY_TOKEN_FILE").empty() &&
                      !request.Get("AWS_ROLE_ARN").empty();
  bool container =
      !request.Get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").empty() ||
      !request.Get("AWS_CONTAINER_CREDENTIALS_FULL_URI").empty();
  if (web_identity) {
    ASSIGN_OR_RETURN(keys, KeysOfWebIdentity(request, host));
  } else if (container) {
    ASSIGN_OR_RETURN(keys, KeysOfContainer(request));
  } else {
    return Found();
  }
  return Found(keys);
}

HttpRequest TokenRequest(const CloudLoginRequest& request, const EcrHost& host,
                         const AwsKeys& keys) {
  std::string name = host.fips ? "https://ecr-fips." : "https://api.ecr.";
  std::string origin = ServiceOrigin(request, "AWS_ENDPOINT_URL_ECR",
                                     name + host.region + "." + host.domain);
  AwsRequest to_sign;
  to_sign.region = host.region;
  to_sign.service = "ecr";
  to_sign.body = "{}";
  to_sign.headers = {
      {"content-type", "application/x-amz-json-1.1"},
      {"host", origin.substr(origin.find("://") + 3)},
      {"x-amz-target",
       "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"}};
  SignAwsRequest(to_sign, keys, std::chrono::system_clock::now());
  HttpRequest http;
  http.method = "POST";
  http.url = origin + "/";
  http.body = to_sign.body;
  for (const auto& [header, value] : to_sign.headers) {
    http.headers.Add(header, value);
  }
  return http;
}

Result<Login> ReadToken(const std::string& body) {
  ASSIGN_OR_RETURN(nlohmann::json document, ParseJson(body));
  ASSIGN_OR_RETURN(std::string encoded, JsonField(document)
                                            .At("authorizationData")
                                            .At(0)
                                            .At("authorizationToken")
                                            .String());
  auto decoded = Base64Decode(encoded);
  auto parts = decoded ? SplitOnce(*decoded, ':') : std::nullopt;
  if (!parts) return InvalidArgument("the token is not \"user:password\"");
  TimedCredential login;
  login.credential.username = parts->first;
  login.credential.password = parts->second;
  login.life = kLife;
  return Login(std::move(login));
}

}  // namespace

Result<Login> EcrLogin(const CloudLoginRequest& request) {
  auto host = ParseHost(request.registry);
  if (!host) return Login();
  ASSIGN_OR_RETURN(auto keys, FindKeys(request, *host));
  if (!keys) return Login();
  constexpr const char* kWhat = "GetAuthorizationToken of ECR";
  ASSIGN_OR_RETURN(
      std::string body,
      AskLoginService(request, TokenRequest(request, *host, *keys), kWhat));
  auto login = ReadToken(body);
  if (!login) return std::move(login).error().Wrap(kWhat);
  return login;
}

}  // namespace strake::registry
