// Tokens that end while there is work left, and what they are asked to allow.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "registry/client.h"
#include "registry/server.h"
#include "tests/support/expect_result.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/random_image.h"
#include "tests/support/temp_dir.h"
#include "util/guarded.h"

namespace strake::registry {
namespace {

using strake::testing::Fault;
using strake::testing::FaultProxy;
using strake::testing::IsOk;
using strake::testing::RandomBytes;
using strake::testing::SeenRequest;
using strake::testing::TempDir;

// A registry behind a gate that lets each token through a few times only.
class TokenLifeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = Server::Start(
        {.directory = directory_.path("registry"), .sync_writes = false});
    ASSERT_TRUE(IsOk(server));
    server_ = std::move(server).value();
    gate_ = std::make_unique<FaultProxy>(server_->port());
    Fault everything;
    everything.times = -1;
    everything.respond = [this](const SeenRequest& request) {
      return request.target.starts_with("/token") ? GiveToken()
                                                  : LetThrough(request);
    };
    gate_->Add(std::move(everything));
    blob_.digest = oci::Digest::Of(content_);
    blob_.size_bytes = content_.size();
    reference_ = *oci::ParseReference(gate_->authority() + "/a/b");
  }

  std::string GiveToken() {
    auto left = left_.lock();
    std::string token = "t" + std::to_string(left->size());
    (*left)["Bearer " + token] = uses_;
    return FaultProxy::Response(200, {}, R"({"token": ")" + token + "\"}");
  }

  // "" passes the request on.
  std::string LetThrough(const SeenRequest& request) {
    auto left = left_.lock();
    auto token = left->find(request.Header("authorization"));
    if (token != left->end() && token->second > 0) {
      --token->second;
      return "";
    }
    return FaultProxy::Response(
        401, {"WWW-Authenticate: Bearer realm=\"http://" + gate_->authority() +
              "/token\""});
  }

  Status Upload(uint64_t chunk_bytes) {
    ClientOptions options;
    options.upload_chunk_bytes = chunk_bytes;
    auto open = [&](uint64_t offset) -> Result<std::unique_ptr<ByteSource>> {
      return std::unique_ptr<ByteSource>(std::make_unique<MemorySource>(
          std::string_view(content_).substr(offset)));
    };
    return Client(options).UploadBlob(reference_, blob_, open);
  }

  TempDir directory_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<FaultProxy> gate_;
  Guarded<std::map<std::string, int>> left_;  // uses, by Authorization
  int uses_ = 1;
  std::string content_ = RandomBytes(1'000'000, 9);
  oci::Descriptor blob_;
  oci::Reference reference_;
};

TEST_F(TokenLifeTest, IsRenewedBetweenTheChunksOfAnUpload) {
  uses_ = 2;
  ASSERT_TRUE(IsOk(Upload(200'000)));
  EXPECT_GE(gate_->Count("GET", "/token"), 3);
  EXPECT_EQ(gate_->forwarded_bytes(), content_.size());
}

TEST_F(TokenLifeTest, IsRenewedWhereAnUploadInOneRequestIsRefused) {
  ASSERT_TRUE(IsOk(Upload(0)));
  EXPECT_EQ(gate_->Count("PUT", "/uploads/"), 2);
  EXPECT_EQ(gate_->forwarded_bytes(), content_.size());
}

TEST_F(TokenLifeTest, AMountIsAllowedForBothRepositories) {
  uses_ = 100;
  auto mounted =
      Client(ClientOptions()).MountBlob(reference_, blob_.digest, "other/base");
  ASSERT_TRUE(IsOk(mounted));
  std::vector<SeenRequest> seen = gate_->Seen();
  auto asked = std::ranges::find_if(seen, [](const SeenRequest& request) {
    return request.target.starts_with("/token");
  });
  ASSERT_NE(asked, seen.end());
  EXPECT_NE(asked->target.find("scope=repository%3Aa%2Fb%3Apull%2Cpush"),
            std::string::npos);
  EXPECT_NE(asked->target.find("scope=repository%3Aother%2Fbase%3Apull"),
            std::string::npos);
}

}  // namespace
}  // namespace strake::registry
