// Logins from the environment of clouds, against services that are played here.

#include "registry/cloud_logins.h"

#include <gtest/gtest.h>

#include "registry/aws_signature.h"
#include "registry/signed_jwt.h"
#include "tests/support/expect_result.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using strake::testing::FailsWith;
using strake::testing::FaultProxy;
using strake::testing::IsOk;
using strake::testing::SeenRequest;
using strake::testing::TempDir;

constexpr const char* kEcr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

class CloudLoginsTest : public ::testing::Test {
 protected:
  // The service answers requests for `path` with `body`.
  void Answer(const char* path, const std::string& body, int status = 200) {
    service_.Add({.path = path, .times = -1, .respond = [=](const auto&) {
                    return FaultProxy::Response(status, {}, body);
                  }});
  }
  std::string Origin() { return "http://" + service_.authority(); }

  Result<std::optional<TimedCredential>> Find(const std::string& registry) {
    options_.acr_exchange_origin = Origin();
    RetryPolicy retry;
    retry.max_retries = 0;
    return FindCloudLogin({.http = http_,
                           .options = options_,
                           .retry = retry,
                           .registry = registry,
                           .stop = {}});
  }
  // The user and secret found, "none" or the error.
  std::string Found(const std::string& registry) {
    auto login = Find(registry);
    if (!login) return login.error().message();
    if (!*login) return "none";
    const Credential& found = (*login)->credential;
    return found.username + ":" + found.password + found.identity_token;
  }

  std::string File(const char* name, const std::string& content) {
    directory_.Write(name, content);
    return directory_.path(name);
  }

  TempDir directory_;
  FaultProxy service_{0};
  HttpClient http_{ClientOptions()};
  CloudLoginOptions options_;
  std::map<std::string, std::string, std::less<>>& variables_ =
      options_.variables;
};

TEST_F(CloudLoginsTest, FindsNoneInAnEmptyEnvironment) {
  for (const char* registry : {kEcr, "x.azurecr.io", "gcr.io", "ghcr.io",
                               "registry.gitlab.com", "docker.io"}) {
    EXPECT_EQ(Found(registry), "none");
  }
  EXPECT_TRUE(service_.Seen().empty());
}

TEST_F(CloudLoginsTest, TakesGitHubsTokenForGitHubOnly) {
  variables_["GITHUB_TOKEN"] = "tok";
  EXPECT_EQ(Found("ghcr.io"), "x-access-token:tok");
  variables_["GITHUB_ACTOR"] = "octocat";
  EXPECT_EQ(Found("ghcr.io"), "octocat:tok");
  EXPECT_EQ(Found("docker.io"), "none");
  EXPECT_EQ(Found("ghcr.io.evil.example"), "none");
}

TEST_F(CloudLoginsTest, TakesGitLabsLoginForTheRegistryThatItNames) {
  variables_["CI_REGISTRY"] = "registry.example:5050";
  variables_["CI_JOB_TOKEN"] = "job";
  EXPECT_EQ(Found("registry.example:5050"), "gitlab-ci-token:job");
  variables_["CI_REGISTRY_USER"] = "user";
  variables_["CI_REGISTRY_PASSWORD"] = "pw";
  EXPECT_EQ(Found("registry.example:5050"), "user:pw");
  EXPECT_EQ(Found("registry.example"), "none");
  variables_["CI_DEPENDENCY_PROXY_SERVER"] = "gitlab.example:443";
  variables_["CI_DEPENDENCY_PROXY_USER"] = "proxy";
  variables_["CI_DEPENDENCY_PROXY_PASSWORD"] = "pp";
  EXPECT_EQ(Found("gitlab.example:443"), "proxy:pp");
}

TEST_F(CloudLoginsTest, AsksEcrWithASignedRequest) {
  variables_["AWS_ACCESS_KEY_ID"] = "AKID";
  variables_["AWS_SECRET_ACCESS_KEY"] = "aws-secret";
  variables_["AWS_SESSION_TOKEN"] = "session";
  variables_["AWS_ENDPOINT_URL_ECR"] = Origin();
  Answer("/", R"({"authorizationData": [{"authorizationToken": ")" +
                  Base64Encode("AWS:pw:1") + R"("}]})");
  EXPECT_EQ(Found(kEcr), "AWS:pw:1");
  SeenRequest seen = service_.Seen().at(0);
  EXPECT_EQ(seen.Header("x-amz-target"),
            "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken");
  EXPECT_EQ(seen.Header("x-amz-security-token"), "session");
  EXPECT_TRUE(seen.Header("authorization")
                  .starts_with("AWS4-HMAC-SHA256 Credential=AKID/"));
  EXPECT_NE(seen.Header("authorization").find("/eu-west-1/ecr/aws4_request"),
            std::string::npos);
  EXPECT_EQ(Found("docker.io"), "none");
  EXPECT_EQ(Found("evil.example"), "none");
}

TEST_F(CloudLoginsTest, TakesARoleForAWebIdentity) {
  variables_["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/r";
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = File("token", "jwt\n");
  variables_["AWS_ENDPOINT_URL_STS"] = Origin() + "/";
  variables_["AWS_ENDPOINT_URL_ECR"] = Origin();
  service_.Add({.respond = [](const auto&) {
    return FaultProxy::Response(200, {},
                                R"({"AssumeRoleWithWebIdentityResponse":
        {"AssumeRoleWithWebIdentityResult": {"Credentials":
        {"AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T"}}}})");
  }});
  Answer("/", R"({"authorizationData": [{"authorizationToken": ")" +
                  Base64Encode("AWS:pw") + R"("}]})");
  EXPECT_EQ(Found(kEcr), "AWS:pw");
  ASSERT_EQ(service_.Seen().size(), 2u);
  EXPECT_EQ(service_.Seen()[0].Header("authorization"), "");
  EXPECT_EQ(service_.Seen()[1].Header("x-amz-security-token"), "T");
}

TEST_F(CloudLoginsTest, AsksTheContainersEndpointForKeys) {
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = Origin() + "/creds";
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "container-token";
  variables_["AWS_ENDPOINT_URL"] = Origin();
  Answer("/creds",
         R"({"AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T"})");
  Answer("/", R"({"authorizationData": [{"authorizationToken": ")" +
                  Base64Encode("AWS:pw") + R"("}]})");
  EXPECT_EQ(Found(kEcr), "AWS:pw");
  EXPECT_EQ(service_.Seen().at(0).Header("authorization"), "container-token");
}

TEST_F(CloudLoginsTest, NamesTheServiceThatRefusesAndNoSecret) {
  variables_["AWS_ACCESS_KEY_ID"] = "AKID";
  variables_["AWS_SECRET_ACCESS_KEY"] = "aws-secret";
  variables_["AWS_ENDPOINT_URL_ECR"] = Origin();
  Answer("/", "you said aws-secret", 400);
  EXPECT_EQ(Found(kEcr), "GetAuthorizationToken of ECR at " + Origin() +
                             ": the service answered 400");
}

TEST_F(CloudLoginsTest, ExchangesAzuresTokenForTheRegistrys) {
  variables_["AZURE_TENANT_ID"] = "tenant";
  variables_["AZURE_CLIENT_ID"] = "client";
  EXPECT_EQ(Found("x.azurecr.io"), "none");
  variables_["AZURE_CLIENT_SECRET"] = "az-secret";
  variables_["AZURE_AUTHORITY_HOST"] = Origin() + "/";
  Answer("/tenant/oauth2/v2.0/token", R"({"access_token": "entra"})");
  Answer("/oauth2/exchange", R"({"refresh_token": "refresh"})");
  EXPECT_EQ(Found("x.azurecr.io"),
            "00000000-0000-0000-0000-000000000000:refresh");
  variables_.erase("AZURE_CLIENT_SECRET");
  variables_["AZURE_FEDERATED_TOKEN_FILE"] = File("federated", "jwt");
  EXPECT_EQ(Found("x.azurecr.io"),
            "00000000-0000-0000-0000-000000000000:refresh");
  variables_["AZURE_FEDERATED_TOKEN_FILE"] = "/nonexistent";
  EXPECT_NE(Found("x.azurecr.io").find("$AZURE_FEDERATED_TOKEN_FILE"),
            std::string::npos);
  EXPECT_EQ(Found("azurecr.io.evil.example"), "none");
}

TEST_F(CloudLoginsTest, SignsForAServiceAccountOfGoogle) {
  if (!strake::testing::HaveTool("openssl")) GTEST_SKIP() << "no openssl";
  std::string key = directory_.path("key.pem");
  strake::testing::Sh("openssl genrsa -out " + key + " 2048 2>/dev/null");
  nlohmann::json file = {{"type", "service_account"},
                         {"client_email", "a@b.example"},
                         {"private_key_id", "id"},
                         {"private_key", directory_.Read("key.pem")},
                         {"token_uri", Origin() + "/token"}};
  variables_["GOOGLE_APPLICATION_CREDENTIALS"] =
      File("key.json", DumpJson(file));
  Answer("/token", R"({"access_token": "ya29", "expires_in": 3599})");
  EXPECT_EQ(Found("europe-docker.pkg.dev"), "oauth2accesstoken:ya29");
  EXPECT_EQ(Found("eu.gcr.io"), "oauth2accesstoken:ya29");
  EXPECT_EQ(Found("docker.pkg.dev.evil.example"), "none");
}

TEST_F(CloudLoginsTest, TradesTheTokenOfAnotherIssuerWithGoogle) {
  nlohmann::json file = {
      {"type", "external_account"},
      {"audience", "//iam.googleapis.com/pool"},
      {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"},
      {"token_url", Origin() + "/sts"},
      {"service_account_impersonation_url", Origin() + "/sa:generate"},
      {"credential_source",
       {{"url", Origin() + "/oidc"},
        {"headers", {{"Authorization", "bearer github"}}},
        {"format",
         {{"type", "json"}, {"subject_token_field_name", "value"}}}}}};
  variables_["GOOGLE_APPLICATION_CREDENTIALS"] =
      File("wif.json", DumpJson(file));
  Answer("/oidc", R"({"value": "jwt"})");
  Answer("/sts", R"({"access_token": "federated", "expires_in": 3600})");
  Answer("/sa:generate", R"({"accessToken": "impersonated"})");
  EXPECT_EQ(Found("gcr.io"), "oauth2accesstoken:impersonated");
  EXPECT_EQ(service_.Seen().at(0).Header("authorization"), "bearer github");
  EXPECT_EQ(service_.Seen().at(2).Header("authorization"), "Bearer federated");
}

TEST_F(CloudLoginsTest, AsksGooglesMetadataServerWhereThereIsOne) {
  EXPECT_EQ(Found("gcr.io"), "none");
  variables_["GCE_METADATA_HOST"] = service_.authority();
  Answer("/computeMetadata/v1/instance/service-accounts/default/token",
         R"({"access_token": "meta", "expires_in": 3000})");
  EXPECT_EQ(Found("gcr.io"), "oauth2accesstoken:meta");
  EXPECT_EQ(service_.Seen().at(0).Header("metadata-flavor"), "Google");
}

TEST_F(CloudLoginsTest, NamesTheFileThatItCannotUse) {
  variables_["GOOGLE_APPLICATION_CREDENTIALS"] =
      File("odd.json", R"({"type": "gdch_service_account"})");
  EXPECT_TRUE(
      FailsWith(Find("gcr.io"), ErrorCode::kUnsupported, "odd.json: type"));
}

// The example of AWS's documentation of the signature.
TEST(AwsSignatureTest, SignsAsDocumented) {
  AwsRequest request;
  request.method = "GET";
  request.query = "Action=ListUsers&Version=2010-05-08";
  request.region = "us-east-1";
  request.service = "iam";
  request.headers = {
      {"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
      {"host", "iam.amazonaws.com"}};
  std::chrono::system_clock::time_point time{std::chrono::seconds(1440938160)};
  SignAwsRequest(
      request, {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""},
      time);
  EXPECT_EQ(request.headers["x-amz-date"], "20150830T123600Z");
  EXPECT_EQ(request.headers["authorization"],
            "AWS4-HMAC-SHA256 "
            "Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature="
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

TEST(SignedJwtTest, IsVerifiedByOpenssl) {
  if (!strake::testing::HaveTool("openssl")) GTEST_SKIP() << "no openssl";
  TempDir directory;
  std::string key = directory.path("key.pem");
  strake::testing::Sh("openssl genrsa -out " + key + " 2048 2>/dev/null");
  auto jwt = MakeSignedJwt(R"({"iss":"me"})", "id", directory.Read("key.pem"));
  ASSERT_TRUE(IsOk(jwt));
  size_t dot = jwt->rfind('.');
  directory.Write("signed", jwt->substr(0, dot));
  directory.Write("signature", *Base64Decode(jwt->substr(dot + 1)));
  strake::testing::Sh("cd " + directory.path() +
                      " && openssl rsa -in key.pem -pubout -out pub.pem "
                      "2>/dev/null && openssl dgst -sha256 -verify pub.pem "
                      "-signature signature signed");
  EXPECT_TRUE(FailsWith(MakeSignedJwt("{}", "", "secret words"),
                        ErrorCode::kInvalidArgument, "not an RSA key"));
}

}  // namespace
}  // namespace strake::registry
