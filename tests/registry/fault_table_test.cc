// Every fault of the tables of pushes and pulls: the transfer ends with the
// right content, or with the message expected and nothing stored; and what
// moves twice is bounded.

#include <gtest/gtest.h>

#include <tuple>

#include "oci/blob_store.h"
#include "registry/pull.h"
#include "registry/server.h"
#include "tests/registry/fault_scene.h"
#include "tests/support/docker_registry.h"
#include "tests/support/expect_result.h"
#include "tests/support/random_image.h"
#include "tests/support/run_tool.h"

namespace strake::registry {
namespace {

using strake::testing::DockerRegistry;
using strake::testing::FailsWith;
using strake::testing::FaultProxy;
using strake::testing::HaveTool;
using strake::testing::IsOk;
using strake::testing::RandomBytes;
using strake::testing::TempDir;

// The proxy counts by the buffer, also what of one it does not pass on.
constexpr uint64_t kProxyBufferBytes = 64 << 10;

// Which registry, and which of the rows: one in `kParts`.
constexpr size_t kParts = 3;
using Part = std::tuple<CutRequests, size_t>;

class FaultTableTest : public ::testing::TestWithParam<Part> {
 protected:
  void SetUp() override {
    if (std::get<CutRequests>(GetParam()) == CutRequests::kLost) {
      if (!HaveTool("docker-registry")) {
        GTEST_SKIP() << "docker-registry is not installed";
      }
      docker_ = std::make_unique<DockerRegistry>();
      port_ = docker_->port();
      return;
    }
    auto server = Server::Start(
        {.directory = directory_.path("registry"), .sync_writes = false});
    ASSERT_TRUE(IsOk(server));
    server_ = std::move(server).value();
    port_ = server_->port();
  }

  static std::vector<FaultRow> MyPartOf(const std::vector<FaultRow>& all) {
    std::vector<FaultRow> rows;
    for (size_t i = std::get<size_t>(GetParam()); i < all.size(); i += kParts) {
      rows.push_back(all[i]);
    }
    return rows;
  }

  // A scene of its own for each row, in a repository of its own.
  void Prepare(Scene& scene) {
    scene.registry_port = port_;
    scene.cut_requests = std::get<CutRequests>(GetParam());
    scene.proxy = std::make_unique<FaultProxy>(port_);
    scene.content = RandomBytes(kBlobBytes, ++scenes_);
    scene.blob.digest = oci::Digest::Of(scene.content);
    scene.blob.size_bytes = kBlobBytes;
    scene.blob.media_type = "application/octet-stream";
    std::string repository = "/row/" + std::to_string(scenes_);
    scene.place = *oci::ParseReference(scene.proxy->authority() + repository);
    scene.direct =
        *oci::ParseReference("127.0.0.1:" + std::to_string(port_) + repository);
    // Long enough for a registry to see that a request was cut.
    scene.options.retry.initial_delay = std::chrono::milliseconds(20);
    scene.options.retry.max_delay = std::chrono::milliseconds(80);
  }

  static void ExpectOutcome(const FaultRow& row, const Scene& scene,
                            const Status& outcome) {
    if (row.message.empty()) {
      EXPECT_TRUE(IsOk(outcome));
      return;
    }
    EXPECT_TRUE(FailsWith(outcome, row.code, row.message));
    EXPECT_TRUE(FailsWith(outcome, row.code, "127.0.0.1:"));
    if (row.name != "401 always" && row.name != "refused connection") {
      EXPECT_TRUE(FailsWith(outcome, row.code, scene.blob.digest.ToString()));
    }
  }

  // Of `moved` bytes, `needed` had to be.
  static void ExpectBound(const FaultRow& row, const Scene& scene,
                          uint64_t moved, uint64_t needed) {
    uint64_t bound = row.again;
    if (scene.cut_requests == CutRequests::kLost) bound += row.again_if_lost;
    EXPECT_LE(moved, needed + bound + kProxyBufferBytes);
  }

  void Push(const FaultRow& row) {
    Scene scene;
    Prepare(scene);
    row.arrange(scene);
    Client client(scene.options);
    Status pushed = client.UploadBlob(scene.place, scene.blob, scene.Opener());
    ExpectOutcome(row, scene, pushed);
    uint64_t moved = scene.proxy ? scene.proxy->received_bytes() : 0;
    if (scene.other) moved += scene.other->received_bytes();
    ExpectBound(row, scene, moved, kBlobBytes);
    if (row.check) row.check(scene);
    MemorySink sink;
    Status there =
        Client(ClientOptions()).FetchBlob(scene.direct, scene.blob, sink);
    EXPECT_EQ(there.has_value(), row.message.empty());
    EXPECT_EQ(sink.bytes() == scene.content, row.message.empty());
  }

  void Pull(const FaultRow& row) {
    Scene scene;
    Prepare(scene);
    ASSERT_TRUE(
        IsOk(Client(scene.options)
                 .UploadBlob(scene.direct, scene.blob, scene.Opener())));
    row.arrange(scene);
    auto store = oci::BlobStore::Open(
        directory_.path("store" + std::to_string(scenes_)));
    ASSERT_TRUE(IsOk(store));
    Client client(scene.options);
    std::vector<oci::Descriptor> layers = {scene.blob};
    Status pulled = PullLayers(client, scene.place, layers, *store);
    ExpectOutcome(row, scene, pulled);
    uint64_t moved = scene.proxy ? scene.proxy->returned_bytes() : 0;
    if (scene.other) moved += scene.other->returned_bytes();
    ExpectBound(row, scene, moved, kBlobBytes);
    if (row.check) row.check(scene);
    EXPECT_EQ(store->Contains(scene.blob.digest), row.message.empty());
    if (!pulled) return;
    EXPECT_TRUE(*store->Read(scene.blob.digest) == scene.content);
  }

 private:
  TempDir directory_;
  std::unique_ptr<DockerRegistry> docker_;
  std::unique_ptr<Server> server_;
  uint16_t port_ = 0;
  uint32_t scenes_ = 0;
};

TEST_P(FaultTableTest, Pushes) {
  for (const FaultRow& row : MyPartOf(PushFaults())) {
    SCOPED_TRACE("push, " + row.name);
    Push(row);
  }
}

TEST_P(FaultTableTest, Pulls) {
  for (const FaultRow& row : MyPartOf(PullFaults())) {
    SCOPED_TRACE("pull, " + row.name);
    Pull(row);
  }
}

TEST(FaultTableSizeTest, HoldsFortyFaultsAndMore) {
  EXPECT_GE(PushFaults().size(), 40u);
  EXPECT_GE(PullFaults().size(), 40u);
}

INSTANTIATE_TEST_SUITE_P(
    Registries, FaultTableTest,
    ::testing::Combine(::testing::Values(CutRequests::kLost,
                                         CutRequests::kKept),
                       ::testing::Range(size_t{0}, kParts)),
    [](const auto& info) {
      bool lost = std::get<CutRequests>(info.param) == CutRequests::kLost;
      return std::string(lost ? "DockerRegistry" : "StrakeRegistry") +
             std::to_string(std::get<size_t>(info.param) + 1);
    });

}  // namespace
}  // namespace strake::registry
