// Blobs that go to our server while they are written.

#include "registry/growing_upload.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "oci/digest.h"
#include "registry/server.h"
#include "tests/support/expect_result.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/temp_dir.h"

namespace strake::registry {
namespace {

using strake::testing::FaultProxy;
using strake::testing::IsOk;
using strake::testing::SeenRequest;
using strake::testing::TempDir;

constexpr size_t kMiB = size_t{1} << 20;

class GrowingUploadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = Server::Start(
        {.directory = directory_.path("registry"), .sync_writes = false});
    ASSERT_TRUE(IsOk(server));
    server_ = std::move(server).value();
    proxy_ = std::make_unique<FaultProxy>(server_->port());
    client_ = std::make_unique<Client>(ClientOptions());
    auto place = oci::ParseReference(proxy_->authority() + "/app:1");
    ASSERT_TRUE(IsOk(place));
    repository_ = *std::move(place);
    directory_.Write("blob", "");
    file_.reset(::open(directory_.path("blob").c_str(), O_RDWR | O_APPEND));
    ASSERT_TRUE(file_);
  }

  std::unique_ptr<GrowingUpload> Start() {
    return client_->StartUpload(
        repository_, UniqueFd(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0)));
  }

  // Adds so many bytes that no two places have alike.
  void Write(GrowingUpload& upload, size_t bytes) {
    std::string more;
    while (more.size() < bytes) {
      more += std::to_string(content_.size() + more.size()) + " ";
    }
    more.resize(bytes);
    content_ += more;
    ASSERT_EQ(::write(file_.get(), more.data(), bytes),
              static_cast<ssize_t>(bytes));
    upload.Grow(content_.size());
  }

  oci::Descriptor Whole() const {
    oci::Descriptor blob;
    blob.digest = oci::Digest::Of(content_);
    blob.size_bytes = content_.size();
    return blob;
  }

  bool IsThere() {
    auto found = client_->HasBlob(repository_, Whole().digest);
    EXPECT_TRUE(IsOk(found));
    return found && *found;
  }

  TempDir directory_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<FaultProxy> proxy_;
  std::unique_ptr<Client> client_;
  oci::Reference repository_;
  UniqueFd file_;
  std::string content_;
};

TEST_F(GrowingUploadTest, SendsWhileTheBlobGrows) {
  auto upload = Start();
  ASSERT_TRUE(upload);
  for (int i = 0; i < 5; ++i) Write(*upload, 5 * kMiB);
  // The first part is gone before the blob is whole.
  while (proxy_->Count("PATCH", "/blobs/uploads/") == 0) ::usleep(1000);
  Write(*upload, 100);
  upload->Complete(Whole());
  uint64_t told = 0;
  EXPECT_TRUE(upload->Wait(
      [&](uint64_t now) {
        EXPECT_GE(now, told);
        told = now;
      },
      {}));
  EXPECT_TRUE(IsThere());
  EXPECT_EQ(proxy_->forwarded_bytes(), content_.size());
}

TEST_F(GrowingUploadTest, LeavesSmallBlobsAlone) {
  auto upload = Start();
  Write(*upload, kMiB);
  upload->Complete(Whole());
  EXPECT_FALSE(upload->Wait({}, {}));
  EXPECT_EQ(proxy_->Count("", ""), 0);
}

TEST_F(GrowingUploadTest, GivesUpWhereTheRegistryWantsWholeBlobs) {
  proxy_->Add(
      {.method = "PATCH", .times = -1, .respond = [](const SeenRequest&) {
         return FaultProxy::Response(405);
       }});
  auto upload = Start();
  Write(*upload, 20 * kMiB);
  upload->Complete(Whole());
  EXPECT_FALSE(upload->Wait({}, {}));
  EXPECT_FALSE(IsThere());
  // The next one is not even tried.
  EXPECT_EQ(Start(), nullptr);
}

TEST_F(GrowingUploadTest, GivesUpWhereAnAnswerIsLost) {
  proxy_->Add({.method = "PATCH", .cut_request_after = kMiB});
  auto upload = Start();
  Write(*upload, 20 * kMiB);
  upload->Complete(Whole());
  EXPECT_FALSE(upload->Wait({}, {}));
}

TEST_F(GrowingUploadTest, GivesUpWhereTheRegistryTookLess) {
  proxy_->Add({.method = "PATCH", .edit_head = [](std::string& head) {
                 const size_t range = head.find("Range: ");
                 ASSERT_NE(range, std::string::npos) << head;
                 head.replace(range, head.find('\r', range) - range,
                              "Range: 0-99");
               }});
  auto upload = Start();
  Write(*upload, 20 * kMiB);
  upload->Complete(Whole());
  EXPECT_FALSE(upload->Wait({}, {}));
}

TEST_F(GrowingUploadTest, EndsAmidAStalledRequest) {
  proxy_->Add({.method = "PATCH", .times = -1, .hang = true});
  auto upload = Start();
  Write(*upload, 20 * kMiB);
  while (proxy_->Count("PATCH", "/blobs/uploads/") == 0) ::usleep(1000);
  upload.reset();
  EXPECT_NE(Start(), nullptr) << "giving up is no refusal";
}

TEST_F(GrowingUploadTest, StoppingEndsTheWait) {
  proxy_->Add({.method = "PATCH", .times = -1, .hang = true});
  auto upload = Start();
  Write(*upload, 20 * kMiB);
  upload->Complete(Whole());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(upload->Wait({}, stop.get_token()));
}

TEST_F(GrowingUploadTest, EndsWhileItWaitsForMore) {
  auto upload = Start();
  Write(*upload, 5 * kMiB);
  while (proxy_->Count("POST", "/blobs/uploads/") == 0) ::usleep(1000);
  upload.reset();
}

}  // namespace
}  // namespace strake::registry
