// Where a client looks: mirrors and the registry behind them, other logins for
// parts of a registry, logins from the environment.

#include <gtest/gtest.h>

#include "registry/client.h"
#include "registry/endpoint.h"
#include "registry/registry_error.h"
#include "registry/server.h"
#include "tests/support/expect_result.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/random_image.h"
#include "tests/support/temp_dir.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using strake::testing::FailsWith;
using strake::testing::FaultProxy;
using strake::testing::IsOk;
using strake::testing::RandomBytes;
using strake::testing::SeenRequest;
using strake::testing::TempDir;

constexpr const char* kManifest =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0},"layers":[]})";
constexpr const char* kType = "application/vnd.oci.image.manifest.v1+json";

ClientOptions QuickRetries() {
  ClientOptions options;
  options.retry.initial_delay = std::chrono::milliseconds(1);
  options.retry.max_delay = std::chrono::milliseconds(2);
  return options;
}

// Two mirrors before a registry, all of which reach one server.
class MirrorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = Server::Start(
        {.directory = directory_.path("registry"), .sync_writes = false});
    ASSERT_TRUE(IsOk(server));
    server_ = std::move(server).value();
    for (auto* proxy : {&first_, &second_, &last_}) {
      *proxy = std::make_unique<FaultProxy>(server_->port());
    }
    blob_.digest = oci::Digest::Of(content_);
    blob_.size_bytes = content_.size();
    Client direct(QuickRetries());
    for (const char* name : {"/app:v1", "/cache/app:v1"}) {
      auto reference = *oci::ParseReference(server_->authority() + name);
      ASSERT_TRUE(IsOk(direct.UploadBlob(
          reference, blob_,
          [&](uint64_t offset) -> Result<std::unique_ptr<ByteSource>> {
            return std::unique_ptr<ByteSource>(std::make_unique<MemorySource>(
                std::string_view(content_).substr(offset)));
          })));
      ASSERT_TRUE(IsOk(direct.UploadBlob(
          reference, EmptyConfig(),
          [](uint64_t) -> Result<std::unique_ptr<ByteSource>> {
            return std::unique_ptr<ByteSource>(
                std::make_unique<MemorySource>(""));
          })));
      ASSERT_TRUE(IsOk(direct.PutManifest(reference, kManifest, kType)));
    }
  }

  static oci::Descriptor EmptyConfig() {
    oci::Descriptor config;
    config.digest = oci::Digest::Of("");
    return config;
  }

  ClientOptions Options() {
    ClientOptions options = QuickRetries();
    std::string conf = "[[registry]]\nprefix = \"images.example\"\n" +
                       ("location = \"" + last_->authority() + "\"\n") +
                       "[[registry.mirror]]\n" + "location = \"" +
                       first_->authority() + "/cache\"\n" +
                       "[[registry.mirror]]\n" + "location = \"" +
                       second_->authority() + "\"\n";
    options.registries = *RegistriesConfig::Parse(conf, "r.conf");
    return options;
  }

  static void Refuse(FaultProxy& proxy, int status) {
    proxy.Add({.path = "app", .times = -1, .respond = [=](const auto&) {
                 return FaultProxy::Response(status);
               }});
  }

  Status Fetch(const Client& client) {
    auto manifest = client.FetchManifest(image_);
    if (!manifest) return std::move(manifest).error();
    MemorySink sink;
    Status fetched = client.FetchBlob(image_, blob_, sink);
    EXPECT_EQ(fetched.has_value(), sink.bytes() == content_);
    return fetched;
  }

  TempDir directory_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<FaultProxy> first_, second_, last_;
  std::string content_ = RandomBytes(300'000, 5);
  oci::Descriptor blob_;
  oci::Reference image_ = *oci::ParseReference("images.example/app:v1");
};

TEST_F(MirrorsTest, AsksTheFirstMirrorAndNobodyElse) {
  ASSERT_TRUE(IsOk(Fetch(Client(Options()))));
  EXPECT_EQ(first_->Count("GET", "/v2/cache/app/manifests/v1"), 1);
  EXPECT_EQ(first_->Count("GET", "/v2/cache/app/blobs/"), 1);
  EXPECT_TRUE(second_->Seen().empty());
  EXPECT_TRUE(last_->Seen().empty());
}

TEST_F(MirrorsTest, GoesOnToTheNextAtEveryRefusal) {
  for (int status : {401, 403, 404, 429, 500, 503}) {
    first_->Clear();
    Refuse(*first_, status);
    int before = second_->Count("GET", "/v2/app/manifests/v1");
    ASSERT_TRUE(IsOk(Fetch(Client(Options())))) << status;
    EXPECT_EQ(second_->Count("GET", "/v2/app/manifests/v1"), before + 1);
  }
  EXPECT_TRUE(last_->Seen().empty());
}

TEST_F(MirrorsTest, AsksAMirrorThatFailedNoMore) {
  Refuse(*first_, 503);
  Client client(Options());
  ASSERT_TRUE(IsOk(Fetch(client)));
  ASSERT_TRUE(IsOk(Fetch(client)));
  EXPECT_EQ(first_->Count("GET", "app"), 1);
}

TEST_F(MirrorsTest, ReturnsToTheRegistryItself) {
  Refuse(*first_, 404);
  ClientOptions options = Options();
  second_.reset();  // connection refused
  ASSERT_TRUE(IsOk(Fetch(Client(options))));
  EXPECT_EQ(last_->Count("GET", "/v2/app/manifests/v1"), 1);
  EXPECT_EQ(last_->Count("GET", "/v2/app/blobs/"), 1);
}

TEST_F(MirrorsTest, GoesOnElsewhereWithABlobThatBrokeOff) {
  first_->Add({.method = "GET",
               .path = "/blobs/",
               .times = -1,
               .cut_response_after = 0});
  second_->Add({.method = "GET", .path = "/blobs/", .respond = [](const auto&) {
                  return FaultProxy::Response(404);
                }});
  ASSERT_TRUE(IsOk(Fetch(Client(Options()))));
  EXPECT_EQ(last_->Count("GET", "/v2/app/blobs/"), 1);
}

TEST_F(MirrorsTest, TellsOfTheMirrorsWhereAllRefuse) {
  Refuse(*first_, 403);
  Refuse(*second_, 404);
  Refuse(*last_, 404);
  auto fetched = Client(Options()).FetchManifest(image_);
  EXPECT_TRUE(FailsWith(fetched, ErrorCode::kNotFound, last_->authority()));
  EXPECT_TRUE(FailsWith(fetched, ErrorCode::kNotFound,
                        "(mirrors before it; manifest of " +
                            first_->authority() + "/cache/app:v1"));
}

TEST_F(MirrorsTest, PushesToTheRegistryThatTheNameSays) {
  ClientOptions options = Options();
  std::string conf = "[[registry]]\nlocation = \"" + last_->authority() +
                     "\"\n[[registry.mirror]]\nlocation = \"" +
                     first_->authority() + "\"\n";
  options.registries = *RegistriesConfig::Parse(conf, "r.conf");
  auto reference = *oci::ParseReference(last_->authority() + "/app:v2");
  ASSERT_TRUE(IsOk(Client(options).PutManifest(reference, kManifest, kType)));
  EXPECT_TRUE(first_->Seen().empty());
}

TEST_F(MirrorsTest, BlocksPushesToo) {
  ClientOptions options = QuickRetries();
  options.registries = *RegistriesConfig::Parse("[[registry]]\nlocation = \"" +
                                                    last_->authority() +
                                                    "/app\"\nblocked = true\n",
                                                "r.conf");
  auto reference = *oci::ParseReference(last_->authority() + "/app:v2");
  EXPECT_TRUE(
      FailsWith(Client(options).PutManifest(reference, kManifest, kType),
                ErrorCode::kUnauthorized, "is blocked by r.conf"));
  EXPECT_TRUE(last_->Seen().empty());
}

// A registry that wants basic authentication and tells who came.
class BasicRegistry {
 public:
  BasicRegistry() : proxy(0) {
    proxy.Add({.times = -1, .respond = [](const SeenRequest& request) {
                 std::string who = request.Header("authorization");
                 if (who.empty()) {
                   return FaultProxy::Response(
                       401, {"WWW-Authenticate: Basic realm=\"x\""});
                 }
                 return FaultProxy::Response(
                     200, {std::string("Content-Type: ") + kType}, kManifest);
               }});
  }
  // The user of the last request.
  std::string LastUser() {
    std::string value = proxy.Seen().back().Header("authorization");
    auto decoded = Base64Decode(value.substr(value.find(' ') + 1));
    return decoded ? decoded->substr(0, decoded->find(':')) : "";
  }
  oci::Reference Ref(const std::string& name) {
    return *oci::ParseReference(proxy.authority() + "/" + name);
  }

  FaultProxy proxy;
};

TEST(PartLoginsTest, EachPartOfARegistryHasItsLogin) {
  BasicRegistry registry;
  std::string host = registry.proxy.authority();
  std::string config = R"({"auths": {")" + host +
                       R"(": {"username": "all", "password": "p"}, ")" + host +
                       R"(/team": {"username": "team", "password": "p"}}})";
  ClientOptions options = QuickRetries();
  options.credentials = *Credentials::ParseDockerConfig(config, "c");
  Client client(options);
  ASSERT_TRUE(IsOk(client.FetchManifest(registry.Ref("team/a:1"))));
  EXPECT_EQ(registry.LastUser(), "team");
  ASSERT_TRUE(IsOk(client.FetchManifest(registry.Ref("other/a:1"))));
  EXPECT_EQ(registry.LastUser(), "all");
  ASSERT_TRUE(IsOk(client.FetchManifest(registry.Ref("team/b:1"))));
  EXPECT_EQ(registry.LastUser(), "team");
}

TEST(CloudLoginTest, ComesAfterTheCredentialsOfTheUser) {
  BasicRegistry registry;
  std::string host = registry.proxy.authority();
  ClientOptions options = QuickRetries();
  options.cloud_logins.variables = {{"CI_REGISTRY", host},
                                    {"CI_REGISTRY_USER", "job"},
                                    {"CI_REGISTRY_PASSWORD", "p"}};
  ASSERT_TRUE(IsOk(Client(options).FetchManifest(registry.Ref("a:1"))));
  EXPECT_EQ(registry.LastUser(), "job");
  options.credentials.Set(host, {"me", "p", ""});
  ASSERT_TRUE(IsOk(Client(options).FetchManifest(registry.Ref("a:1"))));
  EXPECT_EQ(registry.LastUser(), "me");
}

TEST(CloudLoginTest, DoesNotKeepFromWhatIsPublic) {
  FaultProxy registry(0);
  registry.Add(
      {.times = -1, .respond = [&](const SeenRequest& request) {
         std::string who = request.Header("authorization");
         if (request.target.starts_with("/token")) {
           return who.empty()
                      ? FaultProxy::Response(200, {}, R"({"token": "t"})")
                      : FaultProxy::Response(403);
         }
         if (who == "Bearer t") {
           return FaultProxy::Response(
               200, {std::string("Content-Type: ") + kType}, kManifest);
         }
         return FaultProxy::Response(
             401, {"WWW-Authenticate: Bearer realm=\"http://" +
                   registry.authority() + "/token\""});
       }});
  ClientOptions options = QuickRetries();
  options.cloud_logins.variables = {{"CI_REGISTRY", registry.authority()},
                                    {"CI_JOB_TOKEN", "old"}};
  auto reference = *oci::ParseReference(registry.authority() + "/a:1");
  EXPECT_TRUE(IsOk(Client(options).FetchManifest(reference)));
}

HttpResponse TooMany(std::vector<std::pair<std::string, std::string>> fields) {
  HttpResponse response;
  response.status = 429;
  for (auto& [name, value] : fields) response.headers.Add(name, value);
  return response;
}

TEST(RetryAfterOfTest, UnderstandsDockerHubsHeaders) {
  using std::chrono::seconds;
  std::chrono::system_clock::time_point now{seconds(1'700'000'000)};
  auto wait = [&](std::vector<std::pair<std::string, std::string>> fields) {
    return RetryAfterOf(TooMany(std::move(fields)), now);
  };
  EXPECT_EQ(wait({{"Retry-After", "7"}}), seconds(7));
  EXPECT_EQ(wait({{"X-Retry-After", "1700000060"}}), seconds(60));
  EXPECT_EQ(wait({{"X-RateLimit-Reset", "1700003600"}}), seconds(3600));
  EXPECT_EQ(wait({{"ratelimit-remaining", "0;w=21600"}}), seconds(21600));
  EXPECT_EQ(wait({{"ratelimit-remaining", "5;w=21600"}}), std::nullopt);
  EXPECT_EQ(wait({{"X-Retry-After", "soon"}}), std::nullopt);
}

TEST(RetryAfterOfTest, GoesByTheClockOfTheRegistry) {
  HttpResponse late = TooMany({{"Retry-After", "Fri, 01 Jan 2100 10:00:30 GMT"},
                               {"Date", "Fri, 01 Jan 2100 10:00:00 GMT"}});
  EXPECT_EQ(RetryAfterOf(late), std::chrono::seconds(30));
}

TEST(RetryAfterOfTest, IsInTheMessage) {
  EXPECT_EQ(DescribeAnswer(TooMany({{"RateLimit-Limit", "100;w=21600"},
                                    {"RateLimit-Remaining", "0;w=21600"}})),
            "429 Too Many Requests (the limit is 100 in 6 h; try again in "
            "6 h)");
  EXPECT_EQ(DescribeAnswer(TooMany({{"Retry-After", "3700"}})),
            "429 Too Many Requests (try again in 1 h 2 min)");
}

TEST(ShownUrlTest, HidesLoginsAndQueries) {
  EXPECT_EQ(ShownUrl("https://bob:pw@h:1/v2/x?_state=secret#f"),
            "https://h:1/v2/x");
  EXPECT_EQ(ShownUrl("https://h/v2/a@b"), "https://h/v2/a@b");
  EXPECT_EQ(ShownUrl("/v2/?token=x"), "/v2/");
}

}  // namespace
}  // namespace strake::registry
