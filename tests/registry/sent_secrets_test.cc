// What refusals quote of our requests is not quoted by our errors.

#include "registry/sent_secrets.h"

#include <gtest/gtest.h>

#include "registry/client.h"
#include "registry/http_client.h"
#include "tests/support/expect_result.h"
#include "tests/support/fault_proxy.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using strake::testing::FailsWith;
using strake::testing::FaultProxy;
using strake::testing::SeenRequest;

HttpRequest WithAuthorization(const std::string& value) {
  HttpRequest request;
  request.headers.Add("Authorization", value);
  return request;
}

TEST(SentSecretsTest, MasksABasicLoginInEachOfItsForms) {
  SentSecrets secrets;
  std::string value = Base64Encode("bob:pass:word");
  secrets.Remember(WithAuthorization("Basic " + value));
  EXPECT_EQ(secrets.Mask("bob sent Basic " + value + ", that is pass:word"),
            "bob sent Basic ***, that is ***");
}

TEST(SentSecretsTest, MasksTokensAndWhatFormsHold) {
  SentSecrets secrets;
  secrets.Remember(WithAuthorization("Bearer abc.def"));
  HttpRequest form;
  form.headers.Add("Content-Type", "application/x-www-form-urlencoded");
  form.body =
      "grant_type=refresh_token&service=reg&refresh_token=r%2Fe%2Bf"
      "&client_secret=shh-shh&subject_token_type=urn:x";
  secrets.Remember(form);
  EXPECT_EQ(secrets.Mask("abc.def r%2Fe%2Bf r/e+f shh-shh refresh_token reg "
                         "urn:x"),
            "*** *** *** *** refresh_token reg urn:x");
}

TEST(SentSecretsTest, MasksTheLongerOfTwoFirst) {
  SentSecrets secrets;
  secrets.Remember(WithAuthorization("Bearer secret"));
  secrets.Remember(WithAuthorization("Bearer secret-and-more"));
  EXPECT_EQ(secrets.Mask("secret-and-more"), "***");
}

TEST(SentSecretsTest, MasksShortOnesWhereTheyStandAlone) {
  SentSecrets secrets;
  secrets.Remember(WithAuthorization("Basic " + Base64Encode("bob:a")));
  EXPECT_EQ(secrets.Mask("a bad password: a"), "*** bad password: ***");
}

// A registry that wants `challenge` and quotes all that it is sent.
std::string RefusalOf(const std::string& challenge, const Credential& login) {
  FaultProxy registry(0);
  registry.Add(
      {.times = -1, .respond = [&](const SeenRequest& request) {
         std::string sent = request.Header("authorization");
         if (request.target.starts_with("/token")) {
           return FaultProxy::Response(200, {},
                                       R"({"token": "tok\u0065n-of-mine"})");
         }
         if (sent.empty()) {
           std::string realm = "http://" + registry.authority() + "/token";
           return FaultProxy::Response(401, {"WWW-Authenticate: " + challenge +
                                             " realm=\"" + realm + "\""});
         }
         return FaultProxy::Response(
             403, {},
             R"({"errors":[{"code":"DENIED","message":"\")" + sent +
                 R"(\" of \"p\u0061ss\\word\" may not"}]})");
       }});
  ClientOptions options;
  options.credentials.Set(registry.authority(), login);
  auto reference = *oci::ParseReference(registry.authority() + "/a:1");
  auto fetched = Client(options).FetchManifest(reference);
  EXPECT_TRUE(FailsWith(fetched, ErrorCode::kUnauthorized, "DENIED"));
  return fetched ? "" : fetched.error().message();
}

TEST(SentSecretsTest, KeepsThemOutOfTheErrorsOfAClient) {
  for (const char* challenge : {"Basic", "Bearer"}) {
    std::string message = RefusalOf(challenge, {"bob", "pass\\word", ""});
    EXPECT_EQ(message.find("pass\\word"), std::string::npos) << message;
    EXPECT_EQ(message.find(Base64Encode("bob:pass\\word")), std::string::npos)
        << message;
    EXPECT_EQ(message.find("token-of-mine"), std::string::npos) << message;
    EXPECT_NE(message.find("***"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace strake::registry
