// Who we say we are, to whom, and what we make of a refusal. The registry is
// scripted, since the tests are about its manners.

#include "registry/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "oci/media_type.h"
#include "tests/support/expect_result.h"
#include "tests/support/fault_proxy.h"
#include "util/guarded.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using strake::testing::FailsWith;
using strake::testing::Fault;
using strake::testing::FaultProxy;
using strake::testing::IsOk;
using strake::testing::SeenRequest;

constexpr const char* kManifest =
    R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0},"layers":[]})";

std::string ManifestAnswer(const std::string& body = kManifest) {
  return FaultProxy::Response(
      200,
      {"Content-Type: application/vnd.oci.image.manifest.v1+json",
       "Docker-Content-Digest: " + oci::Digest::Of(kManifest).ToString()},
      body);
}

ClientOptions QuickRetries() {
  ClientOptions options;
  options.retry.initial_delay = std::chrono::milliseconds(1);
  options.retry.max_delay = std::chrono::milliseconds(2);
  return options;
}

oci::Reference Ref(const FaultProxy& registry,
                   const std::string& name = "a/b:v1") {
  return *oci::ParseReference(registry.authority() + "/" + name);
}

Credentials LoginFor(const FaultProxy& registry, const std::string& user,
                     const std::string& password) {
  Credentials credentials;
  credentials.Set(registry.authority(), {user, password, ""});
  return credentials;
}

// A registry without an upstream that wants a token for everything, and the
// service that gives it (to bob with password "secret", or to anybody).
class TokenRegistry {
 public:
  explicit TokenRegistry(bool anonymous_too = false)
      : anonymous_too_(anonymous_too), proxy_(0) {
    Fault everything;
    everything.times = -1;
    everything.respond = [this](const SeenRequest& request) {
      return request.target.starts_with("/token") ? GiveToken(request)
                                                  : Serve(request);
    };
    proxy_.Add(std::move(everything));
  }

  FaultProxy& proxy() { return proxy_; }
  void ForgetTokens() { valid_.lock()->clear(); }
  int expires_in = 300;

 private:
  std::string GiveToken(const SeenRequest& request) {
    std::string authorization = request.Header("Authorization");
    bool bob = authorization == "Basic " + Base64Encode("bob:secret");
    bool refresh = request.method == "POST" && request.body_bytes > 0;
    bool nobody = authorization.empty() && anonymous_too_;
    if (!bob && !nobody && !refresh) {
      return FaultProxy::Response(401, {},
                                  R"({"details":"incorrect password"})");
    }
    std::string token = "token-" + std::to_string(++given_);
    valid_.lock()->insert("Bearer " + token);
    return FaultProxy::Response(200, {},
                                R"({"token":")" + token + R"(","expires_in":)" +
                                    std::to_string(expires_in) + "}");
  }

  std::string Serve(const SeenRequest& request) {
    if (valid_.lock()->contains(request.Header("Authorization"))) {
      return request.target == "/v2/" ? FaultProxy::Response(200, {}, "{}")
                                      : ManifestAnswer();
    }
    return FaultProxy::Response(
        401,
        {"WWW-Authenticate: Bearer realm=\"http://" + proxy_.authority() +
         "/token\",service=\"test service\",scope=\"repository:a/b:pull\""});
  }

  const bool anonymous_too_;
  Guarded<std::set<std::string>> valid_;
  std::atomic<int> given_{0};
  FaultProxy proxy_;
};

TEST(ClientAuthTest, ExchangesThePasswordForATokenAndKeepsIt) {
  TokenRegistry registry;
  ClientOptions options = QuickRetries();
  options.credentials = LoginFor(registry.proxy(), "bob", "secret");
  Client client(options);
  ASSERT_TRUE(IsOk(client.FetchManifest(Ref(registry.proxy()))));
  ASSERT_TRUE(IsOk(client.FetchManifest(Ref(registry.proxy(), "a/b:v2"))));
  EXPECT_EQ(registry.proxy().Count("GET", "/token"), 1);
  for (const SeenRequest& request : registry.proxy().Seen()) {
    if (!request.target.starts_with("/token")) continue;
    EXPECT_NE(request.target.find("service=test%20service"), std::string::npos);
    EXPECT_NE(request.target.find("scope=repository%3Aa%2Fb%3Apull"),
              std::string::npos);
  }
  // Another repository, another token, but no further refusal first.
  int refused = registry.proxy().Count("GET", "/v2/other/");
  ASSERT_TRUE(IsOk(client.FetchManifest(Ref(registry.proxy(), "other:v1"))));
  EXPECT_EQ(registry.proxy().Count("GET", "/token"), 2);
  EXPECT_EQ(registry.proxy().Count("GET", "/v2/other/") - refused, 1);
}

TEST(ClientAuthTest, AsksForATokenAnonymouslyToo) {
  TokenRegistry registry(/*anonymous_too=*/true);
  Client client(QuickRetries());
  EXPECT_TRUE(IsOk(client.FetchManifest(Ref(registry.proxy()))));
}

TEST(ClientAuthTest, RenewsATokenThatIsNoLongerTaken) {
  TokenRegistry registry;
  ClientOptions options = QuickRetries();
  options.credentials = LoginFor(registry.proxy(), "bob", "secret");
  Client client(options);
  ASSERT_TRUE(IsOk(client.FetchManifest(Ref(registry.proxy()))));
  registry.ForgetTokens();
  ASSERT_TRUE(IsOk(client.FetchManifest(Ref(registry.proxy()))));
  EXPECT_EQ(registry.proxy().Count("GET", "/token"), 2);
}

TEST(ClientAuthTest, NamesRegistryAndUserButNotThePassword) {
  TokenRegistry registry;
  ClientOptions options = QuickRetries();
  options.credentials = LoginFor(registry.proxy(), "bob", "wrong-secret");
  Client client(options);
  auto fetched = client.FetchManifest(Ref(registry.proxy()));
  ASSERT_TRUE(FailsWith(
      fetched, ErrorCode::kUnauthorized,
      registry.proxy().authority() + " refused the login of user \"bob\""));
  EXPECT_EQ(fetched.error().message().find("wrong-secret"), std::string::npos);
  EXPECT_EQ(fetched.error().message().find(Base64Encode("bob:wrong-secret")),
            std::string::npos);
}

TEST(ClientAuthTest, SaysThatALoginIsMissing) {
  TokenRegistry registry;
  Client client(QuickRetries());
  EXPECT_TRUE(FailsWith(client.FetchManifest(Ref(registry.proxy())),
                        ErrorCode::kUnauthorized, "asks for a login"));
}

TEST(ClientAuthTest, SendsAnIdentityTokenAsRefreshToken) {
  TokenRegistry registry;
  ClientOptions options = QuickRetries();
  options.credentials.Set(registry.proxy().authority(), {"", "", "refresh me"});
  Client client(options);
  EXPECT_TRUE(IsOk(client.FetchManifest(Ref(registry.proxy()))));
  EXPECT_EQ(registry.proxy().Count("POST", "/token"), 1);
}

TEST(ClientAuthTest, ChecksALoginApartFromTheOthers) {
  TokenRegistry registry;
  std::string name = registry.proxy().authority();
  ClientOptions options = QuickRetries();
  options.credentials = LoginFor(registry.proxy(), "bob", "secret");
  Client client(options);
  EXPECT_TRUE(IsOk(client.Ping(name)));
  EXPECT_TRUE(IsOk(client.CheckLogin(name, {"bob", "secret", ""})));
  EXPECT_TRUE(FailsWith(client.CheckLogin(name, {"eve", "guess", ""}),
                        ErrorCode::kUnauthorized, "user \"eve\""));
}

// Wants basic authentication.
std::string ServeBasic(const SeenRequest& request) {
  if (request.Header("Authorization") ==
      "Basic " + Base64Encode("bob:secret")) {
    return ManifestAnswer();
  }
  return FaultProxy::Response(401, {"WWW-Authenticate: Basic realm=\"x\""});
}

TEST(ClientAuthTest, AnswersABasicChallengeOnce) {
  FaultProxy registry(0);
  registry.Add({.times = -1, .respond = ServeBasic});
  ClientOptions options = QuickRetries();
  options.credentials = LoginFor(registry, "bob", "secret");
  Client client(options);
  ASSERT_TRUE(IsOk(client.FetchManifest(Ref(registry))));
  size_t requests = registry.Seen().size();
  ASSERT_TRUE(IsOk(client.FetchManifest(Ref(registry))));
  EXPECT_EQ(registry.Seen().size(), requests + 1);

  options.credentials = LoginFor(registry, "bob", "wrong");
  EXPECT_TRUE(FailsWith(Client(options).FetchManifest(Ref(registry)),
                        ErrorCode::kUnauthorized, "user \"bob\""));
  EXPECT_TRUE(FailsWith(Client(QuickRetries()).FetchManifest(Ref(registry)),
                        ErrorCode::kUnauthorized, "none was given"));
}

TEST(ClientAuthTest, SaysWhichSchemeItDoesNotKnow) {
  FaultProxy registry(0);
  registry.Add({.times = -1, .respond = [](const SeenRequest&) {
                  return FaultProxy::Response(401,
                                              {"WWW-Authenticate: Negotiate"});
                }});
  EXPECT_TRUE(FailsWith(Client(QuickRetries()).FetchManifest(Ref(registry)),
                        ErrorCode::kUnauthorized, "negotiate"));
}

TEST(ClientAuthTest, DoesNotSendCredentialsToAPlainTokenServiceElsewhere) {
  FaultProxy registry(0);
  registry.Add({.times = -1, .respond = [](const SeenRequest&) {
                  return FaultProxy::Response(
                      401, {"WWW-Authenticate: Bearer "
                            "realm=\"http://auth.invalid/token\""});
                }});
  ClientOptions options = QuickRetries();
  options.credentials = LoginFor(registry, "bob", "secret");
  EXPECT_TRUE(FailsWith(Client(options).FetchManifest(Ref(registry)),
                        ErrorCode::kUnsupported, "http://auth.invalid"));
}

TEST(ClientRedirectTest, KeepsCredentialsFromAnotherHost) {
  FaultProxy elsewhere(0);
  elsewhere.Add({.times = -1, .respond = [](const SeenRequest&) {
                   return FaultProxy::Response(200, {}, "content");
                 }});
  FaultProxy registry(0);
  registry.Add({.times = -1, .respond = [&](const SeenRequest& request) {
                  if (request.Header("Authorization").empty()) {
                    return FaultProxy::Response(
                        401, {"WWW-Authenticate: Basic realm=\"x\""});
                  }
                  return FaultProxy::Response(
                      307, {"Location: http://" + elsewhere.authority() +
                            "/storage?signature=1"});
                }});
  ClientOptions options = QuickRetries();
  options.credentials = LoginFor(registry, "bob", "secret");
  oci::Descriptor blob;
  blob.digest = oci::Digest::Of("content");
  blob.size_bytes = 7;
  MemorySink sink;
  ASSERT_TRUE(IsOk(Client(options).FetchBlob(Ref(registry), blob, sink)));
  EXPECT_EQ(sink.bytes(), "content");
  ASSERT_EQ(elsewhere.Seen().size(), 1u);
  EXPECT_EQ(elsewhere.Seen()[0].Header("Authorization"), "");
  EXPECT_EQ(elsewhere.Seen()[0].target, "/storage?signature=1");
}

TEST(ClientRedirectTest, KeepsCredentialsOnTheSameHostAndEndsCircles) {
  FaultProxy registry(0);
  registry.Add({.path = "/moved", .times = -1, .respond = ServeBasic});
  registry.Add({.path = "/v2/a/b/", .times = -1, .respond = [](const auto& r) {
                  if (r.Header("Authorization").empty()) return ServeBasic(r);
                  return FaultProxy::Response(302, {"Location: /moved"});
                }});
  registry.Add({.path = "/v2/circle/", .times = -1, .respond = [](const auto&) {
                  return FaultProxy::Response(302, {"Location: ./v1"});
                }});
  ClientOptions options = QuickRetries();
  options.credentials = LoginFor(registry, "bob", "secret");
  Client client(options);
  EXPECT_TRUE(IsOk(client.FetchManifest(Ref(registry))));
  EXPECT_TRUE(FailsWith(client.FetchManifest(Ref(registry, "circle:v1")),
                        ErrorCode::kUnsupported, "redirects"));
}

TEST(ClientManifestTest, TellsAnotherContentThanPromised) {
  FaultProxy registry(0);
  registry.Add({.times = -1, .respond = [](const SeenRequest&) {
                  return ManifestAnswer(R"({"schemaVersion":2,"layers":[]})");
                }});
  Client client(QuickRetries());
  EXPECT_TRUE(FailsWith(client.FetchManifest(Ref(registry)),
                        ErrorCode::kCorrupt,
                        oci::Digest::Of(kManifest).ToString()));
  std::string pinned = "a@" + oci::Digest::Of("x").ToString();
  EXPECT_TRUE(FailsWith(client.FetchManifest(Ref(registry, pinned)),
                        ErrorCode::kCorrupt, oci::Digest::Of("x").ToString()));
}

TEST(ClientManifestTest, GetsWhereAHeadSaysTooLittle) {
  FaultProxy registry(0);
  registry.Add({.method = "HEAD", .times = -1, .respond = [](const auto&) {
                  return FaultProxy::Response(405);
                }});
  registry.Add({.times = -1, .respond = [](const SeenRequest&) {
                  return FaultProxy::Response(200, {"Content-Type: text/plain"},
                                              kManifest);
                }});
  auto resolved = Client(QuickRetries()).ResolveManifest(Ref(registry));
  ASSERT_TRUE(IsOk(resolved));
  EXPECT_EQ(resolved->digest, oci::Digest::Of(kManifest));
  EXPECT_EQ(resolved->size_bytes, std::string_view(kManifest).size());
  EXPECT_EQ(resolved->media_type, oci::kMediaTypeManifest);
}

TEST(ClientManifestTest, BoundsWhatItHoldsInMemory) {
  FaultProxy registry(0);
  registry.Add({.path = "/manifests/", .times = -1, .respond = [](auto&) {
                  return FaultProxy::Response(200, {},
                                              std::string(17 << 20, ' '));
                }});
  EXPECT_TRUE(FailsWith(Client(QuickRetries()).FetchManifest(Ref(registry)),
                        ErrorCode::kUnsupported, "larger than"));
}

TEST(ClientErrorTest, QuotesTheRegistrysErrorDocument) {
  FaultProxy registry(0);
  registry.Add(
      {.times = -1, .respond = [](const SeenRequest&) {
         return FaultProxy::Response(
             403, {},
             R"({"errors":[{"code":"DENIED","message":"no access"}]})");
       }});
  auto fetched = Client(QuickRetries()).FetchManifest(Ref(registry));
  EXPECT_TRUE(FailsWith(fetched, ErrorCode::kUnauthorized,
                        "403 Forbidden: DENIED: no access"));
  EXPECT_TRUE(FailsWith(fetched, ErrorCode::kUnauthorized, "a/b:v1"));
}

TEST(ClientErrorTest, NamesAnUnreachableRegistryAndTheReason) {
  uint16_t closed_port;
  {
    FaultProxy gone(0);
    closed_port = gone.port();
  }
  std::string registry = "127.0.0.1:" + std::to_string(closed_port);
  auto reference = oci::ParseReference(registry + "/a:v1");
  auto fetched = Client(QuickRetries()).FetchManifest(*reference);
  EXPECT_TRUE(FailsWith(fetched, ErrorCode::kUnavailable, registry));
  EXPECT_TRUE(FailsWith(fetched, ErrorCode::kUnavailable, "onnect"));
}

TEST(ClientErrorTest, NamesAHostThatDoesNotExist) {
  auto reference = oci::ParseReference("registry.invalid/a:v1");
  EXPECT_TRUE(FailsWith(Client(QuickRetries()).FetchManifest(*reference),
                        ErrorCode::kUnavailable, "registry.invalid"));
}

TEST(ClientRetryTest, TriesAgainAfterServerErrorsAndResets) {
  FaultProxy registry(0);
  for (int status : {500, 502, 503, 429}) {
    registry.Add({.path = "/manifests/", .respond = [=](const auto&) {
                    return FaultProxy::Response(status, {"Retry-After: 0"});
                  }});
  }
  registry.Add({.times = -1, .respond = [](const SeenRequest&) {
                  return ManifestAnswer();
                }});
  EXPECT_TRUE(IsOk(Client(QuickRetries()).FetchManifest(Ref(registry))));
  EXPECT_EQ(registry.Count("GET", "/manifests/"), 5);
}

TEST(ClientRetryTest, GivesUpAfterTheLimitAndSaysWhy) {
  FaultProxy registry(0);
  registry.Add({.path = "/manifests/", .times = -1, .respond = [](const auto&) {
                  return FaultProxy::Response(503, {}, "down for maintenance");
                }});
  ClientOptions options = QuickRetries();
  options.retry.max_retries = 2;
  EXPECT_TRUE(FailsWith(Client(options).FetchManifest(Ref(registry)),
                        ErrorCode::kUnavailable,
                        "503 Service Unavailable: down for maintenance"));
  EXPECT_EQ(registry.Count("GET", "/manifests/"), 3);
}

TEST(ClientRetryTest, WaitsAsLongAsTheRegistryAsks) {
  FaultProxy registry(0);
  registry.Add({.path = "/manifests/", .respond = [](const auto&) {
                  return FaultProxy::Response(429, {"Retry-After: 1"});
                }});
  registry.Add({.times = -1, .respond = [](const SeenRequest&) {
                  return ManifestAnswer();
                }});
  auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(IsOk(Client(QuickRetries()).FetchManifest(Ref(registry))));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST(ClientRetryTest, ReportsARetryAfterThatIsTooLong) {
  FaultProxy registry(0);
  registry.Add({.path = "/manifests/", .times = -1, .respond = [](const auto&) {
                  return FaultProxy::Response(429, {"Retry-After: 3600"});
                }});
  EXPECT_TRUE(FailsWith(Client(QuickRetries()).FetchManifest(Ref(registry)),
                        ErrorCode::kUnavailable, "try again in 1 h"));
  EXPECT_EQ(registry.Count("GET", "/manifests/"), 1);
}

TEST(ClientRetryTest, StopsBetweenTriesWhenAsked) {
  FaultProxy registry(0);
  std::stop_source stop;
  registry.Add(
      {.path = "/manifests/", .times = -1, .respond = [&](const auto&) {
         stop.request_stop();
         return FaultProxy::Response(503);
       }});
  ClientOptions options;
  options.retry.initial_delay = std::chrono::hours(1);
  options.retry.max_delay = std::chrono::hours(1);
  EXPECT_TRUE(
      FailsWith(Client(options).FetchManifest(Ref(registry), stop.get_token()),
                ErrorCode::kCancelled));
}

TEST(ClientTagsTest, FollowsPagesAndEndsCircles) {
  FaultProxy registry(0);
  auto page = [](const char* tags, const std::string& link) {
    return [=](const SeenRequest&) {
      std::vector<std::string> fields;
      if (!link.empty()) fields.push_back("Link: " + link);
      return FaultProxy::Response(
          200, fields, R"({"name":"a","tags":)" + std::string(tags) + "}");
    };
  };
  registry.Add({.path = "/v2/a/tags/list?last=b",
                .times = -1,
                .respond = page(R"(["c"])", "")});
  registry.Add({.path = "/v2/a/tags/list",
                .times = -1,
                .respond = page(R"(["a","b"])",
                                "</v2/a/tags/list?last=b>; rel=\"next\"")});
  registry.Add(
      {.path = "/v2/none/tags/list", .times = -1, .respond = page("null", "")});
  registry.Add({.path = "/v2/circle/tags/list",
                .times = -1,
                .respond = page("[]", "<list>; rel=\"next\"")});
  Client client(QuickRetries());
  EXPECT_EQ(*client.ListTags(Ref(registry, "a")),
            (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(client.ListTags(Ref(registry, "none"))->empty());
  EXPECT_TRUE(FailsWith(client.ListTags(Ref(registry, "circle")),
                        ErrorCode::kUnsupported, "circle"));
}

}  // namespace
}  // namespace strake::registry
