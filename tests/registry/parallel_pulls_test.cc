// Many pulls at once, into one store.

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "oci/validate.h"
#include "registry/blob_lock.h"
#include "registry/client.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/server.h"
#include "tests/support/expect_result.h"
#include "tests/support/random_image.h"
#include "tests/support/temp_dir.h"
#include "util/guarded.h"

namespace strake::registry {
namespace {

using strake::testing::FailsWith;
using strake::testing::IsOk;
using strake::testing::MakeRandomImage;
using strake::testing::RandomImage;
using strake::testing::TempDir;

const oci::Platform kAmd64 = {"linux", "amd64", "", "", {}};

class ParallelPullsTest : public ::testing::Test {
 protected:
  ParallelPullsTest()
      : ours_(*oci::BlobStore::Open(directory_.path("ours"))),
        theirs_(*oci::BlobStore::Open(directory_.path("theirs"))) {
    ServerOptions options;
    options.directory = directory_.path("registry");
    options.sync_writes = false;
    options.log = [this](const std::string& line) {
      bool is_blob =
          line.starts_with("GET ") && line.find("/blobs/") != std::string::npos;
      if (is_blob) fetched_.lock()->push_back(line);
    };
    auto server = Server::Start(std::move(options));
    EXPECT_TRUE(IsOk(server));
    server_ = std::move(server).value();
  }

  oci::Reference Ref(const std::string& name) const {
    return *oci::ParseReference(server_->authority() + "/" + name);
  }

  // How many blobs have left the registry.
  size_t fetched() { return fetched_.lock()->size(); }

  TempDir directory_;
  oci::BlobStore ours_;
  oci::BlobStore theirs_;
  Guarded<std::vector<std::string>> fetched_;
  std::unique_ptr<Server> server_;
};

TEST_F(ParallelPullsTest, TwoHundredSmallImagesByOneProcess) {
  constexpr uint32_t kImages = 40;
  constexpr int kPulls = 200;
  Client client{ClientOptions()};
  std::vector<RandomImage> images;
  for (uint32_t i = 0; i < kImages; ++i) {
    // The first layer is the same in all.
    RandomImage image = MakeRandomImage(ours_, {2000}, 1);
    RandomImage own = MakeRandomImage(ours_, {2000, 1000 + i}, 1 + i * 10);
    image.manifest.layers.push_back(own.manifest.layers[1]);
    image.manifest.config = own.manifest.config;
    image.descriptor = strake::testing::PutDocument(
        ours_, oci::SerializeManifest(image.manifest), oci::kMediaTypeManifest);
    ASSERT_TRUE(IsOk(PushImage(client, Ref("app:" + std::to_string(i)),
                               image.descriptor, ours_)));
    images.push_back(image);
  }
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kPulls; ++i) {
      threads.emplace_back([&, i] {
        size_t which = static_cast<size_t>(i) % kImages;
        auto pulled = PullImage(client, Ref("app:" + std::to_string(which)),
                                kAmd64, theirs_);
        EXPECT_TRUE(IsOk(pulled));
        if (pulled &&
            pulled->descriptor.digest == images[which].descriptor.digest) {
          ++right;
        }
      });
    }
  }
  EXPECT_EQ(right, kPulls);
  EXPECT_EQ(fetched(), 1u + 2 * kImages) << "the shared layer, layers, configs";
  for (const RandomImage& image : images) {
    for (const oci::Descriptor& layer : image.manifest.layers) {
      EXPECT_TRUE(IsOk(theirs_.Read(layer.digest)));
    }
  }
}

TEST_F(ParallelPullsTest, OneOfManyFetchesABlob) {
  Client client{ClientOptions()};
  RandomImage image = MakeRandomImage(ours_, {3'000'000, 2'000'000});
  ASSERT_TRUE(IsOk(PushImage(client, Ref("app:1"), image.descriptor, ours_)));
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        // A client of its own, as another process has.
        Client own{ClientOptions()};
        EXPECT_TRUE(IsOk(PullImage(own, Ref("app:1"), kAmd64, theirs_)));
      });
    }
  }
  EXPECT_EQ(fetched(), 3u);
}

TEST_F(ParallelPullsTest, WhoWaitsForABlobCanBeStopped) {
  oci::Digest digest = oci::Digest::Of("blob");
  auto held = BlobLock::Acquire(theirs_, digest, {});
  ASSERT_TRUE(IsOk(held));
  std::stop_source stop;
  Result<void> waited;
  {
    std::jthread waiter([&] {
      auto lock = BlobLock::Acquire(theirs_, digest, stop.get_token());
      if (!lock) waited = std::move(lock).error();
    });
    stop.request_stop();
  }
  EXPECT_TRUE(FailsWith(waited, ErrorCode::kCancelled, digest.ToString()));
  // Another blob's is free.
  EXPECT_TRUE(IsOk(BlobLock::Acquire(theirs_, oci::Digest::Of("other"), {})));
}

TEST_F(ParallelPullsTest, LocksLeaveNothingBehind) {
  oci::Digest digest = oci::Digest::Of("blob");
  for (int round = 0; round < 3; ++round) {
    std::atomic<int> inside{0};
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        auto lock = BlobLock::Acquire(theirs_, digest, {});
        ASSERT_TRUE(IsOk(lock));
        EXPECT_EQ(++inside, 1);
        std::this_thread::yield();
        --inside;
      });
    }
  }
  EXPECT_FALSE(directory_.Exists("theirs/.strake/fetching/" + digest.Hex()));
}

}  // namespace
}  // namespace strake::registry
