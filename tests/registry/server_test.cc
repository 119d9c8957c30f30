// The four workflow categories of distribution-spec, by plain requests.

#include "registry/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "oci/digest.h"
#include "oci/manifest.h"
#include "registry/http_client.h"
#include "tests/support/expect_result.h"
#include "tests/support/random_image.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"
#include "util/guarded.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using oci::Digest;
using strake::testing::FailsWith;
using strake::testing::IsOk;
using strake::testing::RandomBytes;
using strake::testing::TempDir;

using Fields = std::vector<std::pair<std::string, std::string>>;

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override { Start({}); }

  void Start(ServerOptions options) {
    server_.reset();
    options.directory = directory_.path();
    options.sync_writes = false;
    auto server = Server::Start(std::move(options));
    ASSERT_TRUE(IsOk(server));
    server_ = std::move(server).value();
  }

  HttpResponse Send(const std::string& method, const std::string& target,
                    const std::string& body = "", const Fields& fields = {}) {
    HttpRequest request;
    request.method = method;
    request.url = ResolveUrlOf(target);
    request.body = body;
    request.body_limit_bytes = uint64_t{64} << 20;
    for (const auto& [name, value] : fields) request.headers.Add(name, value);
    HttpResult result = client_.Send(request, {});
    EXPECT_EQ(result.failure, HttpFailure::kNone)
        << method << " " << target << ": "
        << (result.error ? result.error->message() : "");
    return result.response;
  }

  std::string ResolveUrlOf(const std::string& target) {
    if (target.starts_with("http")) return target;
    return "http://" + server_->authority() + target;
  }

  std::string StartUpload(const std::string& repository) {
    HttpResponse response =
        Send("POST", "/v2/" + repository + "/blobs/uploads/");
    EXPECT_EQ(response.status, 202);
    return response.headers.Get("Location");
  }

  Digest PushBlob(const std::string& repository, const std::string& content) {
    Digest digest = Digest::Of(content);
    HttpResponse response =
        Send("PUT", StartUpload(repository) + "?digest=" + digest.ToString(),
             content);
    EXPECT_EQ(response.status, 201) << response.body;
    return digest;
  }

  // A manifest over one config and one layer; returns its bytes.
  std::string MakeManifest(const std::string& repository,
                           const std::string& seed,
                           std::optional<oci::Descriptor> subject = {}) {
    oci::Manifest manifest;
    std::string config = R"({"seed":")" + seed + R"("})";
    manifest.config.media_type = oci::kMediaTypeConfig;
    manifest.config.digest = PushBlob(repository, config);
    manifest.config.size_bytes = config.size();
    oci::Descriptor layer;
    layer.media_type = oci::kMediaTypeLayer;
    layer.digest = PushBlob(repository, "layer " + seed);
    layer.size_bytes = seed.size() + 6;
    manifest.layers.push_back(layer);
    manifest.subject = std::move(subject);
    return oci::SerializeManifest(manifest);
  }

  HttpResponse PutManifest(const std::string& repository,
                           const std::string& reference,
                           const std::string& bytes) {
    return Send("PUT", "/v2/" + repository + "/manifests/" + reference, bytes,
                {{"Content-Type", std::string(oci::kMediaTypeManifest)}});
  }

  // The status of putting it under `condition` of RFC 9110, 13.1.
  int PutIf(const std::string& reference, const std::string& bytes,
            const char* condition, const std::string& tag) {
    return Send("PUT", "/v2/a/manifests/" + reference, bytes,
                {{"Content-Type", std::string(oci::kMediaTypeManifest)},
                 {condition, tag}})
        .status;
  }

  static std::string ErrorCodeOf(const HttpResponse& response) {
    auto document = ParseJson(response.body);
    if (!document) return "not JSON: " + response.body;
    return (*document)["errors"][0]["code"];
  }

  TempDir directory_;
  std::unique_ptr<Server> server_;
  HttpClient client_{ClientOptions()};
};

TEST_F(ServerTest, KeepsConditionsOfManifests) {
  std::string one = MakeManifest("a", "one"), two = MakeManifest("a", "two");
  auto tag_of = [](const std::string& bytes) {
    return "\"" + Digest::Of(bytes).ToString() + "\"";
  };
  EXPECT_EQ(PutIf("t", one, "If-Match", tag_of(one)), 412);
  EXPECT_EQ(PutIf("t", one, "If-Match", "*"), 412);
  EXPECT_EQ(PutIf("t", one, "If-None-Match", "*"), 201);
  EXPECT_EQ(PutIf("t", two, "If-None-Match", "*"), 412);
  EXPECT_EQ(PutIf("t", two, "If-Match", tag_of(two)), 412);
  EXPECT_EQ(PutIf("t", two, "If-Match", tag_of(two) + ", " + tag_of(one)), 201);
  EXPECT_EQ(Send("GET", "/v2/a/manifests/t").body, two);
  std::string three = MakeManifest("a", "three");
  std::string digest = Digest::Of(three).ToString();
  EXPECT_EQ(PutIf(digest, three, "If-Match", tag_of(one)), 412);
  EXPECT_EQ(Send("GET", "/v2/a/manifests/" + digest).status, 404);
}

TEST_F(ServerTest, AnswersAPing) {
  for (const char* path : {"/v2/", "/v2"}) {
    HttpResponse response = Send("GET", path);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.headers.Get("Docker-Distribution-API-Version"),
              "registry/2.0");
  }
}

TEST_F(ServerTest, RefusesWhatIsNoEndpointInTheSpecsForm) {
  for (const char* path :
       {"/", "/v1/", "/v2/UPPER/tags/list", "/v2/a/b", "/v2/../x/tags/list",
        "/v2/a//b/tags/list", "/v2/_uploads/x/manifests/latest"}) {
    HttpResponse response = Send("GET", path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_NE(ErrorCodeOf(response), "") << path;
  }
  EXPECT_EQ(Send("POST", "/v2/a/tags/list").status, 405);
}

// Push.

TEST_F(ServerTest, TakesABlobInOnePut) {
  std::string content = RandomBytes(3 << 20, 1);
  Digest digest = Digest::Of(content);
  std::string location = StartUpload("a/b");
  HttpResponse put =
      Send("PUT", location + "?digest=" + digest.ToString(), content);
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.headers.Get("Location"), "/v2/a/b/blobs/" + digest.ToString());
  EXPECT_EQ(put.headers.Get("Docker-Content-Digest"), digest.ToString());
  HttpResponse get = Send("GET", put.headers.Get("Location"));
  EXPECT_EQ(get.status, 200);
  EXPECT_TRUE(get.body == content);
  EXPECT_EQ(get.headers.Get("Docker-Content-Digest"), digest.ToString());
  EXPECT_EQ(Send("GET", location).status, 404);
}

TEST_F(ServerTest, TakesABlobInOnePost) {
  Digest digest = Digest::Of("content");
  HttpResponse response = Send(
      "POST", "/v2/a/blobs/uploads/?digest=" + digest.ToString(), "content");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(Send("GET", response.headers.Get("Location")).body, "content");
}

TEST_F(ServerTest, TakesAnEmptyBlob) {
  Digest digest = PushBlob("a", "");
  HttpResponse get = Send("GET", "/v2/a/blobs/" + digest.ToString());
  EXPECT_EQ(get.status, 200);
  EXPECT_EQ(get.body, "");
  EXPECT_EQ(get.headers.Get("Content-Length"), "0");
}

TEST_F(ServerTest, TakesABlobInChunksAndTellsHowFarItIs) {
  std::string location = StartUpload("a");
  HttpResponse status = Send("GET", location);
  EXPECT_EQ(status.status, 204);
  EXPECT_EQ(status.headers.Get("Range"), "0-0");

  HttpResponse first =
      Send("PATCH", location, "hello ", {{"Content-Range", "0-5"}});
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(first.headers.Get("Range"), "0-5");
  location = first.headers.Get("Location");

  HttpResponse gap =
      Send("PATCH", location, "rld", {{"Content-Range", "8-10"}});
  EXPECT_EQ(gap.status, 416);
  EXPECT_EQ(gap.headers.Get("Range"), "0-5");
  EXPECT_EQ(Send("PATCH", location, "wor", {{"Content-Range", "6-9"}}).status,
            400);

  EXPECT_EQ(Send("PATCH", location, "wor", {{"Content-Range", "6-8"}}).status,
            202);
  HttpResponse done =
      Send("PUT", location + "?digest=" + Digest::Of("hello world").ToString(),
           "ld", {{"Content-Range", "9-10"}});
  EXPECT_EQ(done.status, 201);
  EXPECT_EQ(Send("GET", done.headers.Get("Location")).body, "hello world");
}

TEST_F(ServerTest, TakesAStreamedChunkWithoutRange) {
  std::string location = StartUpload("a");
  EXPECT_EQ(Send("PATCH", location, "all of it").status, 202);
  Digest digest = Digest::Of("all of it");
  EXPECT_EQ(Send("PUT", location + "?digest=" + digest.ToString()).status, 201);
}

TEST_F(ServerTest, RefusesABlobWithAnotherDigestAndForgetsIt) {
  std::string location = StartUpload("a");
  Digest wrong = Digest::Of("other");
  HttpResponse response =
      Send("PUT", location + "?digest=" + wrong.ToString(), "content");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(ErrorCodeOf(response), "DIGEST_INVALID");
  EXPECT_EQ(Send("HEAD", "/v2/a/blobs/" + wrong.ToString()).status, 404);
  EXPECT_EQ(
      Send("HEAD", "/v2/a/blobs/" + Digest::Of("content").ToString()).status,
      404);
  EXPECT_EQ(Send("GET", location).status, 404);
  EXPECT_EQ(Send("PUT", StartUpload("a") + "?digest=sha256:12", "x").status,
            400);
  EXPECT_EQ(Send("PUT", StartUpload("a"), "x").status, 400);
}

TEST_F(ServerTest, CancelsAnUpload) {
  std::string location = StartUpload("a");
  EXPECT_EQ(Send("DELETE", location).status, 204);
  EXPECT_EQ(Send("GET", location).status, 404);
  HttpResponse gone = Send("PATCH", location, "x");
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(ErrorCodeOf(gone), "BLOB_UPLOAD_UNKNOWN");
  EXPECT_EQ(Send("DELETE", location).status, 404);
}

TEST_F(ServerTest, ShowsBlobsOnlyWhereTheyWerePushedOrMounted) {
  Digest digest = PushBlob("a/source", "content");
  std::string target = "/v2/b/target/blobs/" + digest.ToString();
  EXPECT_EQ(Send("HEAD", target).status, 404);
  std::string mount =
      "/v2/b/target/blobs/uploads/?mount=" + digest.ToString() + "&from=";
  HttpResponse refused = Send("POST", mount + "no/such");
  EXPECT_EQ(refused.status, 202);
  EXPECT_EQ(Send("DELETE", refused.headers.Get("Location")).status, 204);
  HttpResponse mounted = Send("POST", mount + "a%2Fsource");
  EXPECT_EQ(mounted.status, 201);
  EXPECT_EQ(mounted.headers.Get("Location"), target);
  EXPECT_EQ(Send("GET", target).body, "content");
}

TEST_F(ServerTest, TakesManifestsByTagAndByDigest) {
  std::string bytes = MakeManifest("a/b", "1");
  Digest digest = Digest::Of(bytes);
  HttpResponse put = PutManifest("a/b", "v1", bytes);
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.headers.Get("Docker-Content-Digest"), digest.ToString());
  for (const std::string& reference : {std::string("v1"), digest.ToString()}) {
    HttpResponse get = Send("GET", "/v2/a/b/manifests/" + reference);
    EXPECT_EQ(get.status, 200);
    EXPECT_EQ(get.body, bytes);
    EXPECT_EQ(get.headers.Get("Content-Type"), oci::kMediaTypeManifest);
    HttpResponse head = Send("HEAD", "/v2/a/b/manifests/" + reference);
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.headers.Get("Content-Length"), std::to_string(bytes.size()));
    EXPECT_EQ(head.headers.Get("Docker-Content-Digest"), digest.ToString());
  }
  EXPECT_EQ(PutManifest("a/b", digest.ToString(), bytes).status, 201);
  HttpResponse wrong = PutManifest("a/b", Digest::Of("x").ToString(), bytes);
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(ErrorCodeOf(wrong), "DIGEST_INVALID");
}

TEST_F(ServerTest, RefusesManifestsItCannotVouchFor) {
  std::string bytes = MakeManifest("elsewhere", "1");
  HttpResponse missing = PutManifest("a", "v1", bytes);
  EXPECT_EQ(missing.status, 400);
  EXPECT_EQ(ErrorCodeOf(missing), "MANIFEST_BLOB_UNKNOWN");
  EXPECT_EQ(ErrorCodeOf(PutManifest("a", "v1", "{")), "MANIFEST_INVALID");
  EXPECT_EQ(ErrorCodeOf(PutManifest("a", "v1", "{}")), "MANIFEST_INVALID");
  HttpResponse mistyped =
      Send("PUT", "/v2/elsewhere/manifests/v1", bytes,
           {{"Content-Type", std::string(oci::kMediaTypeIndex)}});
  EXPECT_EQ(ErrorCodeOf(mistyped), "MANIFEST_INVALID");
  EXPECT_EQ(PutManifest("a", "-bad", bytes).status, 400);
  HttpResponse large = PutManifest("a", "v1", std::string(17 << 20, ' '));
  EXPECT_EQ(large.status, 413);
  EXPECT_EQ(Send("GET", "/v2/a/tags/list").status, 404);
}

// Pull.

TEST_F(ServerTest, SendsTheRangeAskedFor) {
  std::string content = "0123456789";
  std::string url = "/v2/a/blobs/" + PushBlob("a", content).ToString();
  struct Case {
    const char* range;
    int status;
    const char* body;
    const char* content_range;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"bytes=2-4", 206, "234", "bytes 2-4/10"},
           {"bytes=7-", 206, "789", "bytes 7-9/10"},
           {"bytes=-3", 206, "789", "bytes 7-9/10"},
           {"bytes=-30", 206, "0123456789", "bytes 0-9/10"},
           {"bytes=5-100", 206, "56789", "bytes 5-9/10"},
           {"bytes=0-1,4-5", 200, "0123456789", ""},
       }) {
    HttpResponse response = Send("GET", url, "", {{"Range", c.range}});
    EXPECT_EQ(response.status, c.status) << c.range;
    EXPECT_EQ(response.body, c.body) << c.range;
    EXPECT_EQ(response.headers.Get("Content-Range"), c.content_range);
  }
  HttpResponse beyond = Send("GET", url, "", {{"Range", "bytes=10-"}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.headers.Get("Content-Range"), "bytes */10");
  EXPECT_EQ(Send("HEAD", url).headers.Get("Content-Length"), "10");
}

TEST_F(ServerTest, SaysWhatItDoesNotHave) {
  std::string digest = Digest::Of("nothing").ToString();
  EXPECT_EQ(ErrorCodeOf(Send("GET", "/v2/a/blobs/" + digest)), "BLOB_UNKNOWN");
  EXPECT_EQ(ErrorCodeOf(Send("GET", "/v2/a/manifests/v1")), "MANIFEST_UNKNOWN");
  EXPECT_EQ(ErrorCodeOf(Send("GET", "/v2/a/manifests/" + digest)),
            "MANIFEST_UNKNOWN");
  EXPECT_EQ(ErrorCodeOf(Send("GET", "/v2/a/tags/list")), "NAME_UNKNOWN");
  EXPECT_EQ(Send("GET", "/v2/a/blobs/sha256:zz").status, 400);
}

// Content discovery.

TEST_F(ServerTest, ListsTagsInOrderAndInPages) {
  std::string bytes = MakeManifest("a", "1");
  for (const char* tag : {"v2", "latest", "V3", "v10"}) {
    ASSERT_EQ(PutManifest("a", tag, bytes).status, 201);
  }
  auto tags = [&](const HttpResponse& response) {
    auto document = ParseJson(response.body);
    return document ? DumpJson((*document)["tags"]) : response.body;
  };
  EXPECT_EQ(tags(Send("GET", "/v2/a/tags/list")),
            R"(["V3","latest","v10","v2"])");
  HttpResponse page = Send("GET", "/v2/a/tags/list?n=3");
  EXPECT_EQ(tags(page), R"(["V3","latest","v10"])");
  EXPECT_EQ(page.headers.Get("Link"),
            "</v2/a/tags/list?n=3&last=v10>; rel=\"next\"");
  HttpResponse last = Send("GET", "/v2/a/tags/list?n=3&last=v10");
  EXPECT_EQ(tags(last), R"(["v2"])");
  EXPECT_EQ(last.headers.Get("Link"), "");
  EXPECT_EQ(tags(Send("GET", "/v2/a/tags/list?n=0")), "[]");
  EXPECT_EQ(Send("GET", "/v2/a/tags/list?n=x").status, 400);
}

TEST_F(ServerTest, ListsRepositories) {
  PushBlob("b/c/d", "x");
  PushBlob("b/c", "x");
  PushBlob("a", "x");
  StartUpload("only-started");
  auto document = ParseJson(Send("GET", "/v2/_catalog").body);
  ASSERT_TRUE(IsOk(document));
  EXPECT_EQ(DumpJson((*document)["repositories"]), R"(["a","b/c","b/c/d"])");
}

TEST_F(ServerTest, ListsReferrersByArtifactType) {
  std::string subject_bytes = MakeManifest("a", "subject");
  oci::Descriptor subject;
  subject.media_type = oci::kMediaTypeManifest;
  subject.digest = Digest::Of(subject_bytes);
  subject.size_bytes = subject_bytes.size();
  // A referrer may come before its subject.
  std::string referrer = MakeManifest("a", "referrer", subject);
  std::string referrer_digest = Digest::Of(referrer).ToString();
  HttpResponse put = PutManifest("a", referrer_digest, referrer);
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.headers.Get("OCI-Subject"), subject.digest.ToString());

  std::string url = "/v2/a/referrers/" + subject.digest.ToString();
  HttpResponse all = Send("GET", url);
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(all.headers.Get("Content-Type"), oci::kMediaTypeIndex);
  auto document = ParseJson(all.body);
  ASSERT_TRUE(IsOk(document));
  ASSERT_EQ((*document)["manifests"].size(), 1u);
  EXPECT_EQ((*document)["manifests"][0]["digest"], referrer_digest);
  EXPECT_EQ((*document)["manifests"][0]["artifactType"], oci::kMediaTypeConfig);

  HttpResponse filtered = Send("GET", url + "?artifactType=other");
  EXPECT_EQ(filtered.headers.Get("OCI-Filters-Applied"), "artifactType");
  EXPECT_EQ((*ParseJson(filtered.body))["manifests"].size(), 0u);

  EXPECT_EQ(Send("DELETE", "/v2/a/manifests/" + referrer_digest).status, 202);
  EXPECT_EQ((*ParseJson(Send("GET", url).body))["manifests"].size(), 0u);
  HttpResponse none =
      Send("GET", "/v2/a/referrers/" + Digest::Of("x").ToString());
  EXPECT_EQ(none.status, 200);
}

// Content management.

TEST_F(ServerTest, DeletesTagsManifestsAndBlobs) {
  std::string bytes = MakeManifest("a", "1");
  std::string by_digest = "/v2/a/manifests/" + Digest::Of(bytes).ToString();
  PutManifest("a", "v1", bytes);
  PutManifest("a", "v2", bytes);
  EXPECT_EQ(Send("DELETE", "/v2/a/manifests/v1").status, 202);
  EXPECT_EQ(Send("GET", "/v2/a/manifests/v1").status, 404);
  EXPECT_EQ(Send("GET", "/v2/a/manifests/v2").status, 200);
  EXPECT_EQ(Send("DELETE", by_digest).status, 202);
  EXPECT_EQ(Send("GET", by_digest).status, 404);
  EXPECT_EQ(Send("GET", "/v2/a/manifests/v2").status, 404);
  EXPECT_EQ(Send("DELETE", by_digest).status, 404);

  std::string blob = "/v2/a/blobs/" + Digest::Of("layer 1").ToString();
  EXPECT_EQ(Send("DELETE", blob).status, 202);
  EXPECT_EQ(Send("GET", blob).status, 404);
  EXPECT_EQ(Send("DELETE", blob).status, 404);
}

// The server itself.

TEST_F(ServerTest, CarriesOnAfterARestartUploadsIncluded) {
  std::string location = StartUpload("a");
  ASSERT_EQ(Send("PATCH", location, "hello ").status, 202);
  std::string bytes = MakeManifest("a", "1");
  PutManifest("a", "v1", bytes);
  Start({});
  EXPECT_EQ(Send("GET", "/v2/a/manifests/v1").body, bytes);
  EXPECT_EQ(Send("GET", location).headers.Get("Range"), "0-5");
  Digest digest = Digest::Of("hello world");
  EXPECT_EQ(
      Send("PUT", location + "?digest=" + digest.ToString(), "world").status,
      201);
}

TEST_F(ServerTest, SweepsContentThatNothingLinksTo) {
  Digest kept = PushBlob("a", "kept");
  Digest dropped = PushBlob("a", "dropped");
  Send("DELETE", "/v2/a/blobs/" + dropped.ToString());
  Start({});
  EXPECT_TRUE(directory_.Exists("blobs/sha256/" + kept.Hex()));
  EXPECT_FALSE(directory_.Exists("blobs/sha256/" + dropped.Hex()));
}

TEST_F(ServerTest, ServesAFolderOnceOnly) {
  ServerOptions options;
  options.directory = directory_.path();
  EXPECT_TRUE(FailsWith(Server::Start(options), ErrorCode::kUnavailable,
                        directory_.path()));
}

TEST_F(ServerTest, RefusesAPortThatIsTaken) {
  TempDir other;
  ServerOptions options;
  options.directory = other.path();
  options.port = server_->port();
  EXPECT_TRUE(FailsWith(Server::Start(options), ErrorCode::kIo,
                        std::to_string(server_->port())));
}

TEST_F(ServerTest, ChangesNothingWhereReadOnly) {
  Digest digest = PushBlob("a", "content");
  Start({.read_only = true});
  EXPECT_EQ(Send("GET", "/v2/a/blobs/" + digest.ToString()).body, "content");
  EXPECT_EQ(Send("POST", "/v2/a/blobs/uploads/").status, 405);
  EXPECT_EQ(Send("DELETE", "/v2/a/blobs/" + digest.ToString()).status, 405);
  EXPECT_EQ(PutManifest("a", "v1", "{}").status, 405);
}

TEST_F(ServerTest, AsksForThePasswordOfItsHtpasswdFile) {
  if (!strake::testing::HaveTool("htpasswd")) {
    GTEST_SKIP() << "htpasswd is not installed";
  }
  TempDir other;
  other.Write("users", strake::testing::Sh("htpasswd -Bbn bob secret"));
  Start({.htpasswd_file = other.path("users")});
  HttpResponse refused = Send("GET", "/v2/");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(ErrorCodeOf(refused), "UNAUTHORIZED");
  EXPECT_TRUE(refused.headers.Get("WWW-Authenticate").starts_with("Basic "));
  Fields bob = {{"Authorization", "Basic " + Base64Encode("bob:secret")}};
  EXPECT_EQ(Send("GET", "/v2/", "", bob).status, 200);
  // A body that nobody reads must not be taken for the next request.
  EXPECT_EQ(Send("PUT", "/v2/a/manifests/v1", std::string(1 << 20, 'x')).status,
            401);
  EXPECT_EQ(Send("GET", "/v2/", "", bob).status, 200);
}

TEST_F(ServerTest, AnswersAndEndsTheConnectionWhereTheBodyIsTooLong) {
  HttpRequest request;
  request.method = "PUT";
  request.url = ResolveUrlOf("/v2/a/manifests/v1");
  request.body = std::string(40 << 20, 'x');
  // Reset or answered, by who is faster; but never stuck, and never confused.
  HttpResult result = client_.Send(request, {});
  EXPECT_TRUE(result.failure == HttpFailure::kBroken ||
              result.response.status == 413)
      << result.response.status;
  EXPECT_EQ(Send("GET", "/v2/").status, 200);
}

TEST_F(ServerTest, LogsOneLineARequest) {
  Guarded<std::vector<std::string>> lines;
  Start(
      {.log = [&](const std::string& line) { lines.lock()->push_back(line); }});
  Send("GET", "/v2/a/tags/list?n=1");
  server_->Stop();
  EXPECT_EQ(*lines.lock(),
            std::vector<std::string>{"GET /v2/a/tags/list?n=1 404"});
}

TEST_F(ServerTest, ServesManyClientsAtOnce) {
  std::string content = RandomBytes(100'000, 7);
  std::string url = "/v2/a/blobs/" + PushBlob("a", content).ToString();
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 40; ++i) {
      threads.emplace_back([&, i] {
        std::string own = content + std::to_string(i % 5);
        PushBlob("many/r" + std::to_string(i % 3), own);
        for (int round = 0; round < 5; ++round) {
          if (Send("GET", url).body == content) ++right;
        }
      });
    }
  }
  EXPECT_EQ(right, 200);
}

}  // namespace
}  // namespace strake::registry
