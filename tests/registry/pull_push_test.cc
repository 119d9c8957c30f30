// Our client against our server.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "oci/validate.h"
#include "oci/walk.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/server.h"
#include "tests/support/expect_result.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/random_image.h"
#include "tests/support/temp_dir.h"
#include "util/guarded.h"

namespace strake::registry {
namespace {

using strake::testing::FailsWith;
using strake::testing::FaultProxy;
using strake::testing::IsOk;
using strake::testing::MakeRandomImage;
using strake::testing::MakeRandomIndex;
using strake::testing::RandomImage;
using strake::testing::SeenRequest;
using strake::testing::TempDir;

const oci::Platform kAmd64 = {"linux", "amd64", "", "", {}};
const oci::Platform kArm64 = {"linux", "arm64", "", "", {}};

// Reports by digest, checked to be in order.
class Recorder {
 public:
  ProgressCallback Callback() {
    return [this](const TransferProgress& progress) {
      auto reports = reports_.lock();
      auto& last = (*reports)[progress.digest];
      EXPECT_FALSE(last.done) << "a report after the last";
      EXPECT_GE(progress.current_bytes, last.current_bytes);
      EXPECT_LE(progress.current_bytes, progress.total_bytes);
      if (progress.done) {
        EXPECT_EQ(progress.current_bytes, progress.total_bytes);
      }
      last = progress;
    };
  }
  TransferAction ActionOf(const oci::Digest& digest) {
    auto reports = reports_.lock();
    EXPECT_TRUE(reports->contains(digest));
    EXPECT_TRUE((*reports)[digest].done);
    return (*reports)[digest].action;
  }
  size_t size() { return reports_.lock()->size(); }

 private:
  Guarded<std::map<oci::Digest, TransferProgress>> reports_;
};

class PullPushTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = Server::Start(
        {.directory = directory_.path("registry"), .sync_writes = false});
    ASSERT_TRUE(IsOk(server));
    server_ = std::move(server).value();
    proxy_ = std::make_unique<FaultProxy>(server_->port());
  }

  oci::BlobStore OpenStore(const std::string& name) {
    auto store = oci::BlobStore::Open(directory_.path(name));
    EXPECT_TRUE(IsOk(store));
    return std::move(store).value();
  }

  oci::Reference Ref(const std::string& name) {
    auto reference = oci::ParseReference(proxy_->authority() + "/" + name);
    EXPECT_TRUE(IsOk(reference));
    return *reference;
  }

  TempDir directory_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<FaultProxy> proxy_;
  Client client_{ClientOptions()};
};

TEST_F(PullPushTest, MovesAnImageThereAndBack) {
  oci::BlobStore ours = OpenStore("ours"), theirs = OpenStore("theirs");
  RandomImage image = MakeRandomImage(ours, {0, 1, 1000, 3'000'000, 100'000});
  Recorder pushed, pulled;
  auto result = PushImage(client_, Ref("a/b:v1"), image.descriptor, ours,
                          {.progress = pushed.Callback()});
  ASSERT_TRUE(IsOk(result));
  EXPECT_EQ(result->digest, image.descriptor.digest);
  EXPECT_EQ(pushed.size(), 6u);
  EXPECT_EQ(pushed.ActionOf(image.manifest.layers[3].digest),
            TransferAction::kPush);

  auto back = PullImage(client_, Ref("a/b:v1"), kAmd64, theirs,
                        {.progress = pulled.Callback()});
  ASSERT_TRUE(IsOk(back));
  EXPECT_EQ(back->resolved.digest, image.descriptor.digest);
  EXPECT_EQ(back->descriptor.media_type, oci::kMediaTypeManifest);
  EXPECT_EQ(back->manifest.layers, image.manifest.layers);
  EXPECT_EQ(oci::Digest::Of(back->config), image.manifest.config.digest);
  EXPECT_TRUE(IsOk(oci::ValidateImage(theirs, back->descriptor)));
  EXPECT_EQ(pulled.ActionOf(image.manifest.layers[3].digest),
            TransferAction::kPull);
}

TEST_F(PullPushTest, SendsNothingThatIsThere) {
  oci::BlobStore store = OpenStore("ours");
  RandomImage image = MakeRandomImage(store, {5000, 6000});
  ASSERT_TRUE(IsOk(PushImage(client_, Ref("a:v1"), image.descriptor, store)));
  uint64_t before = proxy_->forwarded_bytes();
  Recorder again;
  ASSERT_TRUE(IsOk(PushImage(client_, Ref("a:v2"), image.descriptor, store,
                             {.progress = again.Callback()})));
  EXPECT_EQ(again.ActionOf(image.manifest.layers[0].digest),
            TransferAction::kExists);
  EXPECT_LT(proxy_->forwarded_bytes() - before, 2000u);  // the manifest
}

TEST_F(PullPushTest, AsksForNothingThatIsThere) {
  oci::BlobStore store = OpenStore("ours");
  RandomImage image = MakeRandomImage(store, {5000});
  ASSERT_TRUE(IsOk(PushImage(client_, Ref("a:v1"), image.descriptor, store)));
  proxy_->Clear();
  int gets = proxy_->Count("GET", "/v2/a/");
  ASSERT_TRUE(IsOk(PullImage(client_, Ref("a:v1"), kAmd64, store)));
  EXPECT_EQ(proxy_->Count("GET", "/v2/a/"), gets) << "a HEAD is enough";

  size_t requests = proxy_->Seen().size();
  oci::Reference pinned = Ref("a@" + image.descriptor.digest.ToString());
  ASSERT_TRUE(IsOk(PullImage(client_, pinned, kAmd64, store)));
  EXPECT_EQ(proxy_->Seen().size(), requests) << "a pinned image costs nothing";
}

TEST_F(PullPushTest, PullsMetadataWithoutLayers) {
  oci::BlobStore ours = OpenStore("ours"), theirs = OpenStore("theirs");
  RandomImage image = MakeRandomImage(ours, {5000, 6000});
  ASSERT_TRUE(IsOk(PushImage(client_, Ref("a:v1"), image.descriptor, ours)));
  auto remote = PullMetadata(client_, Ref("a:v1"), kAmd64, theirs);
  ASSERT_TRUE(IsOk(remote));
  EXPECT_TRUE(theirs.Contains(image.descriptor.digest));
  EXPECT_TRUE(theirs.Contains(image.manifest.config.digest));
  for (const oci::Descriptor& layer : image.manifest.layers) {
    EXPECT_FALSE(theirs.Contains(layer.digest));
  }
  std::vector<oci::Descriptor> second = {remote->manifest.layers[1]};
  ASSERT_TRUE(IsOk(PullLayers(client_, Ref("a:v1"), second, theirs)));
  EXPECT_FALSE(theirs.Contains(image.manifest.layers[0].digest));
  EXPECT_TRUE(theirs.Contains(image.manifest.layers[1].digest));
}

TEST_F(PullPushTest, ChoosesThePlatform) {
  oci::BlobStore ours = OpenStore("ours");
  RandomImage amd = MakeRandomImage(ours, {1000}, 1, "amd64");
  RandomImage arm = MakeRandomImage(ours, {2000}, 2, "arm64");
  oci::Descriptor index = MakeRandomIndex(ours, {amd, arm}, {"amd64", "arm64"});
  auto pushed = PushImage(client_, Ref("a:multi"), index, ours);
  ASSERT_TRUE(IsOk(pushed));
  EXPECT_EQ(pushed->media_type, oci::kMediaTypeIndex);

  oci::BlobStore theirs = OpenStore("theirs");
  auto remote = PullImage(client_, Ref("a:multi"), kArm64, theirs);
  ASSERT_TRUE(IsOk(remote));
  EXPECT_EQ(remote->resolved.digest, index.digest);
  EXPECT_EQ(remote->descriptor.digest, arm.descriptor.digest);
  EXPECT_FALSE(theirs.Contains(amd.descriptor.digest));
  oci::Platform riscv = {"linux", "riscv64", "", "", {}};
  EXPECT_TRUE(FailsWith(PullMetadata(client_, Ref("a:multi"), riscv, theirs),
                        ErrorCode::kNotFound, "a:multi"));

  auto all = PullAll(client_, Ref("a:multi"), theirs);
  ASSERT_TRUE(IsOk(all));
  EXPECT_EQ(all->digest, index.digest);
  EXPECT_TRUE(theirs.Contains(amd.manifest.layers[0].digest));
  auto reached = oci::WalkImage(theirs, *all);
  ASSERT_TRUE(IsOk(reached));
  for (const oci::Descriptor& blob : *reached) {
    EXPECT_TRUE(theirs.Contains(blob.digest)) << blob.media_type;
  }
}

TEST_F(PullPushTest, MountsBlobsOfAnotherRepository) {
  oci::BlobStore store = OpenStore("ours");
  RandomImage base = MakeRandomImage(store, {50'000});
  ASSERT_TRUE(IsOk(PushImage(client_, Ref("base:v1"), base.descriptor, store)));
  uint64_t before = proxy_->forwarded_bytes();
  Recorder recorder;
  auto elsewhere = oci::ParseReference("other.example/base:v1");
  ASSERT_TRUE(IsOk(
      PushImage(client_, Ref("app:v1"), base.descriptor, store,
                {.mount_from = {*elsewhere, Ref("no/such"), Ref("base:v1")},
                 .progress = recorder.Callback()})));
  EXPECT_EQ(recorder.ActionOf(base.manifest.layers[0].digest),
            TransferAction::kMount);
  EXPECT_LT(proxy_->forwarded_bytes() - before, 2000u);
  EXPECT_EQ(proxy_->Count("DELETE", "/blobs/uploads/"), 2)
      << "sessions of refused mounts are given back";
}

TEST_F(PullPushTest, UploadsWhatCannotBeMounted) {
  oci::BlobStore store = OpenStore("ours");
  RandomImage base = MakeRandomImage(store, {50'000});
  ASSERT_TRUE(IsOk(PushImage(client_, Ref("base:v1"), base.descriptor, store)));
  for (int status : {202, 400, 403, 404, 405, 501}) {
    proxy_->Clear();
    proxy_->Add({.method = "POST",
                 .path = "mount=",
                 .times = -1,
                 .respond = [status](const SeenRequest&) {
                   return FaultProxy::Response(status);
                 }});
    const oci::Reference app = Ref("app" + std::to_string(status) + ":v1");
    const uint64_t before = proxy_->forwarded_bytes();
    ASSERT_TRUE(IsOk(PushImage(client_, app, base.descriptor, store,
                               {.mount_from = {Ref("base:v1")}})))
        << status;
    const uint64_t sent = proxy_->forwarded_bytes() - before;
    EXPECT_GT(sent, 50'000u) << status;
    EXPECT_LT(sent, 60'000u) << status;
    EXPECT_TRUE(IsOk(client_.ResolveManifest(app))) << status;
  }
}

TEST_F(PullPushTest, PushesByDigestWithoutATag) {
  oci::BlobStore store = OpenStore("ours");
  RandomImage image = MakeRandomImage(store, {100});
  ASSERT_TRUE(IsOk(PushImage(client_, Ref("a"), image.descriptor, store)));
  EXPECT_TRUE(IsOk(
      client_.FetchManifest(Ref("a@" + image.descriptor.digest.ToString()))));
  auto tags = client_.ListTags(Ref("a"));
  ASSERT_TRUE(IsOk(tags));
  EXPECT_TRUE(tags->empty());
}

TEST_F(PullPushTest, NamesABlobThatTheStoreLacks) {
  oci::BlobStore store = OpenStore("ours");
  RandomImage image = MakeRandomImage(store, {100, 200});
  ASSERT_TRUE(IsOk(store.Remove(image.manifest.layers[1].digest)));
  EXPECT_TRUE(FailsWith(
      PushImage(client_, Ref("a:v1"), image.descriptor, store),
      ErrorCode::kNotFound, image.manifest.layers[1].digest.ToString()));
  EXPECT_TRUE(
      FailsWith(client_.ResolveManifest(Ref("a:v1")), ErrorCode::kNotFound));
}

TEST_F(PullPushTest, SaysWhichManifestIsNotThere) {
  oci::BlobStore store = OpenStore("ours");
  EXPECT_TRUE(FailsWith(PullImage(client_, Ref("no/such:tag"), kAmd64, store),
                        ErrorCode::kNotFound, "no/such:tag"));
  EXPECT_TRUE(FailsWith(client_.ListTags(Ref("no/such")), ErrorCode::kNotFound,
                        "NAME_UNKNOWN"));
}

TEST_F(PullPushTest, ListsAndDeletes) {
  oci::BlobStore store = OpenStore("ours");
  RandomImage image = MakeRandomImage(store, {100});
  for (const char* tag : {"v1", "v2"}) {
    ASSERT_TRUE(IsOk(PushImage(client_, Ref("a:" + std::string(tag)),
                               image.descriptor, store)));
  }
  EXPECT_EQ(*client_.ListTags(Ref("a")),
            (std::vector<std::string>{"v1", "v2"}));
  ASSERT_TRUE(IsOk(client_.DeleteManifest(Ref("a:v1"))));
  EXPECT_EQ(*client_.ListTags(Ref("a")), std::vector<std::string>{"v2"});
  EXPECT_TRUE(*client_.HasManifest(Ref("a"), image.descriptor.digest));
  ASSERT_TRUE(IsOk(
      client_.DeleteManifest(Ref("a@" + image.descriptor.digest.ToString()))));
  EXPECT_FALSE(*client_.HasManifest(Ref("a"), image.descriptor.digest));
}

TEST_F(PullPushTest, StopsWhenAsked) {
  oci::BlobStore store = OpenStore("ours");
  RandomImage image = MakeRandomImage(store, {3'000'000, 3'000'000, 3'000'000});
  std::stop_source stop;
  PushOptions options;
  options.stop = stop.get_token();
  options.progress = [&](const TransferProgress& progress) {
    if (progress.current_bytes > 0) stop.request_stop();
  };
  EXPECT_TRUE(FailsWith(
      PushImage(client_, Ref("a:v1"), image.descriptor, store, options),
      ErrorCode::kCancelled));
}

TEST_F(PullPushTest, PullsTheSameImageManyTimesAtOnce) {
  oci::BlobStore ours = OpenStore("ours"), theirs = OpenStore("theirs");
  RandomImage image = MakeRandomImage(ours, {50'000, 60'000, 70'000});
  ASSERT_TRUE(IsOk(PushImage(client_, Ref("a:v1"), image.descriptor, ours)));
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 12; ++i) {
      threads.emplace_back([&] {
        auto pulled = PullImage(client_, Ref("a:v1"), kAmd64, theirs);
        if (pulled && oci::ValidateImage(theirs, pulled->descriptor)) ++right;
      });
    }
  }
  EXPECT_EQ(right, 12);
}

}  // namespace
}  // namespace strake::registry
