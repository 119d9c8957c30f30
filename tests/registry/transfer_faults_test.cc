// Blobs through a network that fails: each transfer ends right, or with the
// message expected, and what is sent twice is bounded.

#include <gtest/gtest.h>

#include <thread>

#include "oci/validate.h"
#include "registry/client.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/server.h"
#include "tests/support/expect_result.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/random_image.h"
#include "tests/support/temp_dir.h"

namespace strake::registry {
namespace {

using strake::testing::FailsWith;
using strake::testing::Fault;
using strake::testing::FaultProxy;
using strake::testing::IsOk;
using strake::testing::RandomBytes;
using strake::testing::SeenRequest;
using strake::testing::TempDir;

constexpr uint64_t kMiB = uint64_t{1} << 20;

class TransferFaultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = Server::Start(
        {.directory = directory_.path("registry"), .sync_writes = false});
    ASSERT_TRUE(IsOk(server));
    server_ = std::move(server).value();
    proxy_ = std::make_unique<FaultProxy>(server_->port());
    content_ = RandomBytes(5 * kMiB, 3);
    blob_.digest = oci::Digest::Of(content_);
    blob_.size_bytes = content_.size();
    blob_.media_type = "application/octet-stream";
    reference_ = *oci::ParseReference(proxy_->authority() + "/a/b");
    direct_ = *oci::ParseReference(server_->authority() + "/a/b");
  }

  ClientOptions Options() {
    ClientOptions options;
    options.retry.initial_delay = std::chrono::milliseconds(1);
    options.retry.max_delay = std::chrono::milliseconds(2);
    options.stall.idle = std::chrono::seconds(2);
    return options;
  }

  BlobOpener Opener() {
    return [this](uint64_t offset) -> Result<std::unique_ptr<ByteSource>> {
      return std::unique_ptr<ByteSource>(std::make_unique<MemorySource>(
          std::string_view(content_).substr(offset)));
    };
  }

  // Straight to the server, without faults.
  void PutBlobDirectly() {
    ASSERT_TRUE(IsOk(Client(Options()).UploadBlob(direct_, blob_, Opener())));
  }

  Status Fetch(MemorySink& sink, ClientOptions options) {
    return Client(options).FetchBlob(reference_, blob_, sink);
  }

  void ExpectFetched() {
    MemorySink sink;
    ASSERT_TRUE(IsOk(Fetch(sink, Options())));
    EXPECT_TRUE(sink.bytes() == content_);
  }

  void ExpectUploaded(ClientOptions options) {
    uint64_t last = 0;
    auto on_bytes = [&](uint64_t bytes) { last = bytes; };
    ASSERT_TRUE(IsOk(
        Client(options).UploadBlob(reference_, blob_, Opener(), on_bytes)));
    EXPECT_EQ(last, blob_.size_bytes);
    MemorySink sink;
    ASSERT_TRUE(IsOk(Client(Options()).FetchBlob(direct_, blob_, sink)));
    EXPECT_TRUE(sink.bytes() == content_);
  }

  TempDir directory_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<FaultProxy> proxy_;
  std::string content_;
  oci::Descriptor blob_;
  oci::Reference reference_;
  oci::Reference direct_;
};

// Downloads.

TEST_F(TransferFaultsTest, ContinuesADownloadCutAtEveryTenth) {
  PutBlobDirectly();
  // Each try gets one tenth further.
  for (int i = 0; i < 9; ++i) {
    proxy_->Add({.method = "GET",
                 .path = "/blobs/",
                 .cut_response_after = blob_.size_bytes / 10});
  }
  ExpectFetched();
  EXPECT_EQ(proxy_->Count("GET", "/blobs/"), 10);
  std::vector<SeenRequest> seen = proxy_->Seen();
  EXPECT_EQ(seen.back().Header("Range"),
            "bytes=" + std::to_string(blob_.size_bytes / 10 * 9) + "-");
}

TEST_F(TransferFaultsTest, AForeignLayerIsWhereItsDescriptorSays) {
  const std::string elsewhere = "http://" + proxy_->authority();
  blob_.urls = {"ftp://host/x", elsewhere + "/gone", elsewhere + "/foreign"};
  proxy_->Add(
      {.method = "GET", .path = "/foreign", .respond = [&](const SeenRequest&) {
         return FaultProxy::Response(200, {}, content_);
       }});
  ExpectFetched();
  EXPECT_EQ(proxy_->Count("GET", "/blobs/"), 1);
  EXPECT_EQ(proxy_->Count("GET", "/gone"), 1);
}

TEST_F(TransferFaultsTest, ContinuesWhereTheRegistryIgnoresRanges) {
  PutBlobDirectly();
  proxy_->Add({.method = "GET", .path = "/blobs/", .cut_response_after = 100});
  proxy_->Add(
      {.method = "GET", .path = "/blobs/", .respond = [&](const SeenRequest&) {
         return FaultProxy::Response(200, {}, content_);
       }});
  ExpectFetched();
}

TEST_F(TransferFaultsTest, RefusesARangeThatLeavesAGap) {
  PutBlobDirectly();
  proxy_->Add({.method = "GET", .path = "/blobs/", .cut_response_after = 100});
  proxy_->Add(
      {.method = "GET", .path = "/blobs/", .respond = [&](const SeenRequest&) {
         return FaultProxy::Response(206, {"Content-Range: bytes 200-299/300"},
                                     "x");
       }});
  MemorySink sink;
  EXPECT_TRUE(FailsWith(Fetch(sink, Options()), ErrorCode::kUnsupported,
                        "bytes 200-299/300"));
}

TEST_F(TransferFaultsTest, GivesUpAConnectionThatIsSilent) {
  PutBlobDirectly();
  proxy_->Add({.method = "GET", .path = "/blobs/", .hang = true});
  ClientOptions options = Options();
  options.stall.idle = std::chrono::seconds(1);
  options.retry.max_retries = 0;
  MemorySink sink;
  EXPECT_TRUE(FailsWith(Fetch(sink, options), ErrorCode::kUnavailable,
                        proxy_->authority()));
  options.retry.max_retries = 1;
  proxy_->Add({.method = "PUT", .hang = true});
  ExpectUploaded(options);
}

TEST_F(TransferFaultsTest, StopsInTheMiddleOfASilence) {
  proxy_->Add({.method = "GET", .path = "/blobs/", .hang = true});
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  MemorySink sink;
  EXPECT_TRUE(FailsWith(Client(Options()).FetchBlob(reference_, blob_, sink, {},
                                                    stop.get_token()),
                        ErrorCode::kCancelled));
}

TEST_F(TransferFaultsTest, GivesUpADownloadThatDoesNotMove) {
  PutBlobDirectly();
  proxy_->Add({.method = "GET",
               .path = "/blobs/",
               .times = -1,
               .cut_response_after = 0});
  MemorySink sink;
  EXPECT_TRUE(FailsWith(Fetch(sink, Options()), ErrorCode::kUnavailable,
                        proxy_->authority()));
  EXPECT_EQ(proxy_->Count("GET", "/blobs/"), 5);
}

TEST_F(TransferFaultsTest, TriesADownloadAgainAfterServerErrors) {
  PutBlobDirectly();
  for (int status : {500, 503, 429}) {
    proxy_->Add({.method = "GET", .path = "/blobs/", .respond = [=](auto&) {
                   return FaultProxy::Response(status);
                 }});
  }
  ExpectFetched();
}

TEST_F(TransferFaultsTest, TellsWrongBytesFromABlob) {
  PutBlobDirectly();
  proxy_->Add({.method = "GET", .path = "/blobs/", .corrupt_response = true});
  MemorySink sink;
  auto fetched = Fetch(sink, Options());
  EXPECT_TRUE(FailsWith(fetched, ErrorCode::kCorrupt, blob_.digest.ToString()));
  EXPECT_TRUE(FailsWith(fetched, ErrorCode::kCorrupt, "other content"));
}

TEST_F(TransferFaultsTest, TellsABlobThatIsTooShortOrTooLong) {
  PutBlobDirectly();
  proxy_->Add(
      {.method = "GET", .path = "/blobs/", .shorten_response_by = 1000});
  MemorySink sink;
  EXPECT_TRUE(
      FailsWith(Fetch(sink, Options()), ErrorCode::kCorrupt, "ends after"));
  proxy_->Add({.method = "GET", .path = "/blobs/", .respond = [&](auto&) {
                 return FaultProxy::Response(200, {}, content_ + "more");
               }});
  MemorySink other;
  EXPECT_TRUE(
      FailsWith(Fetch(other, Options()), ErrorCode::kCorrupt, "longer than"));
}

TEST_F(TransferFaultsTest, NoticesThatABlobIsGone) {
  MemorySink sink;
  EXPECT_TRUE(
      FailsWith(Fetch(sink, Options()), ErrorCode::kNotFound, "BLOB_UNKNOWN"));
  EXPECT_EQ(sink.bytes(), "");
}

TEST_F(TransferFaultsTest, ReportsTheErrorOfTheSinkAtOnce) {
  class FullDisk final : public ByteSink {
   public:
    using ByteSink::Write;
    Status Write(std::span<const std::byte>) override {
      return IoError("no space left");
    }
  };
  PutBlobDirectly();
  FullDisk sink;
  EXPECT_TRUE(FailsWith(Client(Options()).FetchBlob(reference_, blob_, sink),
                        ErrorCode::kIo, "no space left"));
  EXPECT_EQ(proxy_->Count("GET", "/blobs/"), 1);
}

TEST_F(TransferFaultsTest, LeavesTheStoreUnharmed) {
  auto ours = oci::BlobStore::Open(directory_.path("ours"));
  auto theirs = oci::BlobStore::Open(directory_.path("theirs"));
  ASSERT_TRUE(IsOk(ours));
  ASSERT_TRUE(IsOk(theirs));
  auto image = strake::testing::MakeRandomImage(*ours, {100'000, 200'000});
  oci::Reference tagged = reference_;
  tagged.tag = "v1";
  Client client(Options());
  ASSERT_TRUE(IsOk(PushImage(client, tagged, image.descriptor, *ours)));
  const oci::Digest& layer = image.manifest.layers[0].digest;
  proxy_->Add({.method = "GET",
               .path = layer.ToString(),
               .times = 2,
               .corrupt_response = true});
  oci::Platform platform = {"linux", "amd64", "", "", {}};
  EXPECT_TRUE(FailsWith(PullImage(client, tagged, platform, *theirs),
                        ErrorCode::kCorrupt, layer.ToString()));
  EXPECT_FALSE(theirs->Contains(layer));
  ASSERT_TRUE(IsOk(PullImage(client, tagged, platform, *theirs)));
  EXPECT_TRUE(IsOk(oci::ValidateImage(*theirs, image.descriptor)));
}

// Uploads.

TEST_F(TransferFaultsTest, UploadsInOnePutByDefault) {
  ExpectUploaded(Options());
  EXPECT_EQ(proxy_->Count("PATCH", ""), 0);
  EXPECT_EQ(proxy_->Count("PUT", ""), 1);
}

TEST_F(TransferFaultsTest, UploadsInChunksWhenToldTo) {
  ClientOptions options = Options();
  options.upload_chunk_bytes = 2 * kMiB;
  ExpectUploaded(options);
  EXPECT_EQ(proxy_->Count("PATCH", ""), 3);
  EXPECT_EQ(proxy_->forwarded_bytes(), blob_.size_bytes);
}

TEST_F(TransferFaultsTest, HonoursTheSmallestChunkThatIsTaken) {
  proxy_->Add({.method = "POST", .edit_head = [](std::string& head) {
                 head.insert(head.size() - 2,
                             "OCI-Chunk-Min-Length: 3145728\r\n");
               }});
  ClientOptions options = Options();
  options.upload_chunk_bytes = kMiB;
  ExpectUploaded(options);
  EXPECT_EQ(proxy_->Count("PATCH", ""), 2);
}

TEST_F(TransferFaultsTest, ResumesAnUploadCutInTheMiddle) {
  proxy_->Add({.method = "PUT", .cut_request_after = 2 * kMiB});
  proxy_->Add({.method = "PATCH", .cut_request_after = kMiB});
  ExpectUploaded(Options());
  // Some of what was on its way when the connection was cut is sent again, but
  // not all of it: that would be a start from zero.
  EXPECT_LT(proxy_->forwarded_bytes(), blob_.size_bytes + 3 * kMiB);
  EXPECT_EQ(proxy_->Count("POST", ""), 1);
}

TEST_F(TransferFaultsTest, ResumesAnUploadCutAgainAndAgain) {
  ClientOptions options = Options();
  options.upload_chunk_bytes = kMiB;
  options.retry.max_retries = 3;
  for (int i = 0; i < 8; ++i) {
    proxy_->Add(
        {.method = "PATCH", .skip = i % 2, .cut_request_after = kMiB / 2});
  }
  ExpectUploaded(options);
  EXPECT_LE(proxy_->forwarded_bytes(), blob_.size_bytes + 4 * kMiB);
}

TEST_F(TransferFaultsTest, GivesUpAnUploadThatDoesNotMove) {
  proxy_->Add({.method = "PUT", .times = -1, .cut_request_after = 0});
  proxy_->Add({.method = "PATCH", .times = -1, .cut_request_after = 0});
  EXPECT_TRUE(
      FailsWith(Client(Options()).UploadBlob(reference_, blob_, Opener()),
                ErrorCode::kUnavailable, blob_.digest.ToString()));
  EXPECT_LE(proxy_->Count("PUT", ""), 5);
}

TEST_F(TransferFaultsTest, NoticesThatOnlyTheAnswerWasLost) {
  proxy_->Add({.method = "PUT", .swallow_response = true});
  ExpectUploaded(Options());
  EXPECT_EQ(proxy_->Count("PUT", ""), 1);
  EXPECT_EQ(proxy_->Count("HEAD", "/blobs/"), 1);
}

TEST_F(TransferFaultsTest, StartsAgainWhereTheSessionIsLost) {
  ClientOptions options = Options();
  options.upload_chunk_bytes = 2 * kMiB;
  proxy_->Add({.method = "PATCH", .skip = 1, .respond = [](auto&) {
                 return FaultProxy::Response(503);
               }});
  proxy_->Add({.method = "GET", .path = "/uploads/", .respond = [](auto&) {
                 return FaultProxy::Response(404);
               }});
  ExpectUploaded(options);
  EXPECT_EQ(proxy_->Count("POST", ""), 2);
}

TEST_F(TransferFaultsTest, FollowsTheOffsetThatTheServerTells) {
  ClientOptions options = Options();
  options.upload_chunk_bytes = 2 * kMiB;
  // A server that claims less than it was given: the rest is sent again, is
  // refused with the true offset, and goes on from there.
  proxy_->Add({.method = "PATCH", .edit_head = [](std::string& head) {
                 size_t at = head.find("Range: 0-");
                 size_t end = head.find("\r\n", at);
                 head.replace(at, end - at, "Range: 0-1048575");
               }});
  ExpectUploaded(options);
}

TEST_F(TransferFaultsTest, RefusesAServerThatClaimsMoreThanWasSent) {
  ClientOptions options = Options();
  options.upload_chunk_bytes = 2 * kMiB;
  proxy_->Add({.method = "PATCH", .edit_head = [](std::string& head) {
                 size_t at = head.find("Range: 0-");
                 size_t end = head.find("\r\n", at);
                 head.replace(at, end - at, "Range: 0-4194303");
               }});
  EXPECT_TRUE(FailsWith(Client(options).UploadBlob(reference_, blob_, Opener()),
                        ErrorCode::kUnsupported, "4194304"));
}

TEST_F(TransferFaultsTest, UsesSmallerRequestsAfter413) {
  auto too_large = [](const SeenRequest& request) {
    return request.body_bytes > 2 * kMiB ? FaultProxy::Response(413)
                                         : std::string();
  };
  proxy_->Add({.method = "PUT", .times = -1, .respond = too_large});
  proxy_->Add({.method = "PATCH", .times = -1, .respond = too_large});
  ExpectUploaded(Options());
  EXPECT_GE(proxy_->Count("PATCH", ""), 3);
}

TEST_F(TransferFaultsTest, RemembersTheSizeThatAHostTakes) {
  auto too_large = [](const SeenRequest& request) {
    return request.body_bytes > 3 * kMiB ? FaultProxy::Response(413)
                                         : std::string();
  };
  proxy_->Add({.times = -1, .respond = too_large});
  Client client(Options());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(IsOk(client.UploadBlob(reference_, blob_, Opener())));
  }
  // The whole once, by the first.
  EXPECT_EQ(proxy_->received_bytes(), 3 * blob_.size_bytes);
}

TEST_F(TransferFaultsTest, StopsTryingWhenTheBudgetOfAllIsUsedUp) {
  proxy_->Add({.path = "/a/b/", .times = -1, .respond = [](auto&) {
                 return FaultProxy::Response(503);
               }});
  ClientOptions options = Options();
  options.retry.budget = 6;
  Client client(options);
  for (int i = 0; i < 3; ++i) {
    MemorySink sink;
    Status fetched = client.FetchBlob(reference_, blob_, sink);
    const char* note = i == 0 ? "503" : "the 6 of all transfers together";
    EXPECT_TRUE(FailsWith(fetched, ErrorCode::kUnavailable, note));
  }
  EXPECT_EQ(proxy_->Count("GET", "/blobs/"), 5 + 3 + 1);
}

// A proxy that ends what has carried much, and does so again and again.
TEST_F(TransferFaultsTest, SendsLessThanAChunkAgainForEachOfManyResets) {
  content_ = RandomBytes(64 * kMiB, 4);
  blob_.digest = oci::Digest::Of(content_);
  blob_.size_bytes = content_.size();
  proxy_->CutUploadsEvery(3 * kMiB);
  ExpectUploaded(Options());
  EXPECT_GE(proxy_->cuts(), 20);
  EXPECT_LE(proxy_->forwarded_bytes() - blob_.size_bytes,
            static_cast<uint64_t>(proxy_->cuts()) * kMiB);
}

TEST_F(TransferFaultsTest, ReportsA413ThatSmallRequestsDoNotMend) {
  proxy_->Add({.times = -1, .respond = [](const SeenRequest& request) {
                 return request.body_bytes > 0 ? FaultProxy::Response(413)
                                               : std::string();
               }});
  EXPECT_TRUE(
      FailsWith(Client(Options()).UploadBlob(reference_, blob_, Opener()),
                ErrorCode::kInvalidArgument, "413 Payload Too Large"));
}

TEST_F(TransferFaultsTest, UploadsInOneRequestWhereChunksAreRefused) {
  ClientOptions options = Options();
  options.upload_chunk_bytes = kMiB;
  proxy_->Add({.method = "PATCH", .times = -1, .respond = [](auto&) {
                 return FaultProxy::Response(405);
               }});
  ExpectUploaded(options);
  EXPECT_EQ(proxy_->Count("PATCH", ""), 1);
}

TEST_F(TransferFaultsTest, UploadsAtALocationOfAnyForm) {
  std::string scripted = "http://" + proxy_->authority();
  for (bool relative : {false, true}) {
    proxy_->Add({.method = "POST", .edit_head = [=](std::string& head) {
                   size_t at = head.find("Location: ") + 10;
                   std::string path =
                       head.substr(at, head.find("\r\n", at) - at);
                   std::string id = path.substr(path.rfind('/') + 1);
                   head.replace(at, path.size(),
                                relative ? id + "?state=a%2Fb"
                                         : scripted + path + "?state=1");
                 }});
    ExpectUploaded(Options());
  }
  EXPECT_EQ(proxy_->Count("PUT", "?state=a%2Fb&digest=sha256%3A"), 1);
  EXPECT_EQ(proxy_->Count("PUT", "?state=1&digest=sha256%3A"), 1);
}

TEST_F(TransferFaultsTest, RefusesASessionWithoutLocation) {
  proxy_->Add({.method = "POST",
               .respond = [](auto&) { return FaultProxy::Response(202); }});
  EXPECT_TRUE(
      FailsWith(Client(Options()).UploadBlob(reference_, blob_, Opener()),
                ErrorCode::kUnsupported, "Location"));
}

TEST_F(TransferFaultsTest, ReportsADigestThatTheRegistryRefuses) {
  oci::Descriptor lie = blob_;
  lie.digest = oci::Digest::Of("something else");
  EXPECT_TRUE(FailsWith(Client(Options()).UploadBlob(reference_, lie, Opener()),
                        ErrorCode::kCorrupt, "DIGEST_INVALID"));
}

TEST_F(TransferFaultsTest, ReportsALocalCopyThatIsTooShort) {
  oci::Descriptor longer = blob_;
  longer.size_bytes += 10;
  EXPECT_TRUE(
      FailsWith(Client(Options()).UploadBlob(reference_, longer, Opener()),
                ErrorCode::kCorrupt, "local copy"));
}

TEST_F(TransferFaultsTest, PushesAnImageThroughFailures) {
  auto store = oci::BlobStore::Open(directory_.path("ours"));
  ASSERT_TRUE(IsOk(store));
  auto image = strake::testing::MakeRandomImage(
      *store, {3'000'000, 2'000'000, 1'000'000, 500'000});
  proxy_->Add(
      {.method = "PUT", .path = "/uploads/", .cut_request_after = 200'000});
  proxy_->Add({.method = "PATCH", .cut_request_after = 100'000});
  proxy_->Add({.method = "HEAD", .path = "/blobs/", .cut_request_after = 0});
  proxy_->Add({.method = "POST", .skip = 2, .swallow_response = true});
  proxy_->Add({.method = "PUT", .path = "/manifests/", .respond = [](auto&) {
                 return FaultProxy::Response(502);
               }});
  oci::Reference tagged = reference_;
  tagged.tag = "v1";
  Client client(Options());
  ASSERT_TRUE(IsOk(PushImage(client, tagged, image.descriptor, *store)));
  auto theirs = oci::BlobStore::Open(directory_.path("theirs"));
  ASSERT_TRUE(IsOk(theirs));
  ASSERT_TRUE(IsOk(PullAll(Client(Options()), tagged, *theirs)));
  EXPECT_TRUE(IsOk(oci::ValidateImage(*theirs, image.descriptor)));
}

}  // namespace
}  // namespace strake::registry
