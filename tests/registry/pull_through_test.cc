// A registry that is a cache of another one, which a proxy counts and breaks.

#include "registry/pull_through.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "registry/client.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/referrers.h"
#include "registry/server.h"
#include "tests/support/expect_result.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/random_image.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

namespace strake::registry {
namespace {

using strake::testing::FailsWith;
using strake::testing::FaultProxy;
using strake::testing::IsOk;
using strake::testing::MakeRandomImage;
using strake::testing::RandomImage;
using strake::testing::TempDir;

const oci::Platform kAmd64 = {"linux", "amd64", "", "", {}};

ClientOptions Quick() {
  ClientOptions options;
  options.retry.initial_delay = std::chrono::milliseconds(5);
  options.retry.max_retries = 1;
  return options;
}

class PullThroughTest : public ::testing::Test {
 protected:
  PullThroughTest()
      : upstream_(StartServer({.directory = directory_.path("upstream")})),
        proxy_(std::make_unique<FaultProxy>(upstream_->port())),
        store_(*oci::BlobStore::Open(directory_.path("ours"))) {
    StartCache("http://" + proxy_->authority());
  }

  static std::unique_ptr<Server> StartServer(ServerOptions options) {
    options.sync_writes = false;
    auto server = Server::Start(std::move(options));
    EXPECT_TRUE(IsOk(server));
    return server ? std::move(server).value() : nullptr;
  }

  void StartCache(const std::string& url, ClientOptions upstream = Quick()) {
    cache_.reset();
    cache_ = StartServer({.directory = directory_.path("cache"),
                          .pull_through = url,
                          .upstream = std::move(upstream)});
  }

  RandomImage Push(const std::string& name, uint32_t seed,
                   const std::vector<size_t>& sizes = {200'000, 1000}) {
    RandomImage image = MakeRandomImage(store_, sizes, seed);
    EXPECT_TRUE(IsOk(
        PushImage(client_, At(*upstream_, name), image.descriptor, store_)));
    return image;
  }

  static oci::Reference At(const Server& server, const std::string& name) {
    auto reference = oci::ParseReference(server.authority() + "/" + name);
    EXPECT_TRUE(IsOk(reference));
    return *reference;
  }

  // Pulls into a new store by way of the cache.
  Result<RemoteImage> Pull(const std::string& name) {
    auto store = oci::BlobStore::Open(
        directory_.path("pulled" + std::to_string(pulls_++)));
    EXPECT_TRUE(IsOk(store));
    return PullImage(client_, At(*cache_, name), kAmd64, *store);
  }

  TempDir directory_;
  std::unique_ptr<Server> upstream_;
  std::unique_ptr<FaultProxy> proxy_;
  oci::BlobStore store_;
  std::unique_ptr<Server> cache_;
  Client client_{Quick()};
  int pulls_ = 0;
};

TEST(UpstreamPlaceTest, ReadsUrlsAsPeopleGiveThem) {
  auto hub = ParseUpstream("https://registry-1.docker.io");
  ASSERT_TRUE(IsOk(hub));
  EXPECT_EQ(hub->registry, "docker.io");
  EXPECT_EQ(hub->prefix, "");
  EXPECT_FALSE(hub->insecure);
  auto deep = ParseUpstream("http://mirror.example:5000/hub/");
  ASSERT_TRUE(IsOk(deep));
  EXPECT_EQ(deep->registry, "mirror.example:5000");
  EXPECT_EQ(deep->prefix, "hub/");
  EXPECT_TRUE(deep->insecure);
  EXPECT_TRUE(IsOk(ParseUpstream("quay.io")));
  for (const char* bad : {"", "https://", "https://UPPER case", "word"}) {
    EXPECT_TRUE(FailsWith(ParseUpstream(bad), ErrorCode::kInvalidArgument))
        << bad;
  }
}

TEST_F(PullThroughTest, FetchesOnceAndRevalidatesTags) {
  RandomImage image = Push("team/app:v1", 1);
  for (int i = 0; i < 3; ++i) {
    auto pulled = Pull("team/app:v1");
    ASSERT_TRUE(IsOk(pulled));
    EXPECT_EQ(pulled->descriptor.digest, image.descriptor.digest);
  }
  EXPECT_EQ(proxy_->Count("GET", "/blobs/"), 3) << "a config, two layers";
  EXPECT_EQ(proxy_->Count("GET", "/manifests/"), 1);
  RandomImage moved = Push("team/app:v1", 5);
  auto pulled = Pull("team/app:v1");
  ASSERT_TRUE(IsOk(pulled));
  EXPECT_EQ(pulled->descriptor.digest, moved.descriptor.digest);
}

TEST_F(PullThroughTest, ServesWhatItHasWhenNobodyAnswersUpstream) {
  RandomImage image = Push("app:v1", 1);
  RandomImage other = Push("app:v2", 5);
  ASSERT_TRUE(IsOk(Pull("app:v1")));
  proxy_.reset();
  ASSERT_TRUE(IsOk(Pull("app:v1")));
  ASSERT_TRUE(IsOk(Pull("app@" + image.descriptor.digest.ToString())));
  EXPECT_EQ(*client_.ListTags(At(*cache_, "app")),
            std::vector<std::string>{"v1"});
  EXPECT_TRUE(FailsWith(Pull("app:v2"), ErrorCode::kUnavailable));
  EXPECT_TRUE(FailsWith(Pull("app@" + other.descriptor.digest.ToString()),
                        ErrorCode::kUnavailable));
}

TEST_F(PullThroughTest, ForgetsATagThatIsGone) {
  Push("app:v1", 1);
  ASSERT_TRUE(IsOk(Pull("app:v1")));
  ASSERT_TRUE(IsOk(client_.DeleteManifest(At(*upstream_, "app:v1"))));
  EXPECT_TRUE(FailsWith(Pull("app:v1"), ErrorCode::kNotFound));
  proxy_.reset();
  EXPECT_FALSE(IsOk(Pull("app:v1")));
}

TEST_F(PullThroughTest, SharesOneFetchOfABlob) {
  RandomImage image = Push("app:v1", 1, {3'000'000});
  ASSERT_TRUE(IsOk(PushImage(client_, At(*upstream_, "other:v1"),
                             image.descriptor, store_)));
  proxy_->Clear();
  const oci::Descriptor& layer = image.manifest.layers[0];
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&, i] {
        MemorySink sink;
        oci::Reference from = At(*cache_, i % 2 == 0 ? "app" : "other");
        Status fetched = client_.FetchBlob(from, layer, sink);
        EXPECT_TRUE(IsOk(fetched));
        if (oci::Digest::Of(sink.bytes()) == layer.digest) ++right;
      });
    }
  }
  EXPECT_EQ(right, 16);
  EXPECT_EQ(proxy_->Count("GET", layer.digest.ToString()), 1);
  // Both repositories have it now.
  proxy_.reset();
  EXPECT_TRUE(*client_.HasBlob(At(*cache_, "app"), layer.digest));
  EXPECT_TRUE(*client_.HasBlob(At(*cache_, "other"), layer.digest));
}

TEST_F(PullThroughTest, PassesOnWhatHasComeBeforeAllHas) {
  RandomImage image = Push("app:v1", 1, {2'000'000});
  const oci::Descriptor& layer = image.manifest.layers[0];
  std::string path = layer.digest.ToString();
  // Upstream breaks off, and then says nothing more.
  proxy_->Add({.method = "GET", .path = path, .cut_response_after = 1'000'000});
  proxy_->Add({.method = "GET", .path = path, .times = -1, .hang = true});
  std::stop_source stop;
  MemorySink sink;
  Status fetched = client_.FetchBlob(
      At(*cache_, "app"), layer, sink,
      [&](uint64_t bytes) {
        if (bytes > 0) stop.request_stop();
      },
      stop.get_token());
  EXPECT_TRUE(FailsWith(fetched, ErrorCode::kCancelled));
  EXPECT_GT(sink.bytes().size(), 0u);
  // It does not wait for upstream.
  cache_->Stop();
}

TEST_F(PullThroughTest, GoesOnWhereUpstreamBrokeOff) {
  RandomImage image = Push("app:v1", 1, {2'000'000});
  const oci::Descriptor& layer = image.manifest.layers[0];
  proxy_->Add({.method = "GET",
               .path = layer.digest.ToString(),
               .times = 2,
               .cut_response_after = 700'000});
  MemorySink sink;
  EXPECT_TRUE(IsOk(client_.FetchBlob(At(*cache_, "app"), layer, sink)));
  EXPECT_EQ(oci::Digest::Of(sink.bytes()), layer.digest);
}

TEST_F(PullThroughTest, KeepsNothingThatIsWrong) {
  RandomImage image = Push("app:v1", 1, {100'000});
  const oci::Descriptor& layer = image.manifest.layers[0];
  proxy_->Add({.method = "GET",
               .path = layer.digest.ToString(),
               .times = -1,
               .corrupt_response = true});
  EXPECT_FALSE(IsOk(Pull("app:v1")));
  EXPECT_FALSE(directory_.Exists("cache/blobs/sha256/" + layer.digest.Hex()));
  proxy_->Clear();
  EXPECT_TRUE(IsOk(Pull("app:v1")));
  EXPECT_TRUE(directory_.Exists("cache/blobs/sha256/" + layer.digest.Hex()));
}

TEST_F(PullThroughTest, RefusesChanges) {
  RandomImage image = Push("app:v1", 1);
  EXPECT_TRUE(FailsWith(
      PushImage(client_, At(*cache_, "app:v2"), image.descriptor, store_),
      ErrorCode::kUnsupported, "cache of " + proxy_->authority()));
  EXPECT_TRUE(FailsWith(client_.DeleteManifest(At(*cache_, "app:v1")),
                        ErrorCode::kUnsupported));
}

TEST_F(PullThroughTest, DiscoversUpstream) {
  RandomImage image = Push("app:v1", 1);
  Push("app:v2", 2);
  EXPECT_EQ(*client_.ListTags(At(*cache_, "app")),
            (std::vector<std::string>{"v1", "v2"}));
  oci::Manifest artifact = image.manifest;
  artifact.artifact_type = "application/vnd.test";
  artifact.subject = image.descriptor;
  std::string bytes = oci::SerializeManifest(artifact);
  ASSERT_TRUE(IsOk(PutReferrer(client_, At(*upstream_, "app:signature"), bytes,
                               oci::kMediaTypeManifest)));
  auto found = ListReferrers(client_, At(*cache_, "app"),
                             image.descriptor.digest, "application/vnd.test");
  ASSERT_TRUE(IsOk(found));
  EXPECT_EQ(found->manifests.size(), 1u);
  // One that was pulled is known also when nobody answers any more.
  ASSERT_TRUE(IsOk(client_.FetchManifest(At(*cache_, "app:signature"))));
  proxy_.reset();
  found = ListReferrers(client_, At(*cache_, "app"), image.descriptor.digest);
  ASSERT_TRUE(IsOk(found));
  EXPECT_EQ(found->manifests.size(), 1u);
}

TEST_F(PullThroughTest, LogsInUpstream) {
  if (!strake::testing::HaveTool("htpasswd")) {
    GTEST_SKIP() << "htpasswd is not installed";
  }
  RandomImage image = MakeRandomImage(store_, {1000});
  directory_.Write("users",
                   strake::testing::Sh("htpasswd -Bbn -C 5 bob secret"));
  auto guarded = StartServer({.directory = directory_.path("guarded"),
                              .htpasswd_file = directory_.path("users")});
  ClientOptions bob = Quick();
  bob.credentials.Set(guarded->authority(), {"bob", "secret", ""});
  ASSERT_TRUE(IsOk(PushImage(Client(bob), At(*guarded, "app:v1"),
                             image.descriptor, store_)));
  StartCache("http://" + guarded->authority());
  EXPECT_TRUE(FailsWith(Pull("app:v1"), ErrorCode::kUnauthorized));
  StartCache("http://" + guarded->authority(), bob);
  EXPECT_TRUE(IsOk(Pull("app:v1")));
}

}  // namespace
}  // namespace strake::registry
