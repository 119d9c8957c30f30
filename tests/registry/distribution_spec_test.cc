// The conformance workflows of OCI distribution-spec 1.1, walked end-point by
// end-point (end-1 to end-13) with the statuses, fields and error codes that
// the specification has for each, against the registry that
// `strake registry serve` runs.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/digest.h"
#include "oci/manifest.h"
#include "registry/endpoint.h"
#include "registry/http_client.h"
#include "registry/server.h"
#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"
#include "util/json.h"

namespace strake::registry {
namespace {

using oci::Digest;
using strake::testing::IsOk;
using strake::testing::TempDir;

using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kOctets = "application/octet-stream";

// "Error Codes": those a registry may give.
const std::set<std::string> kErrorCodes = {
    "BLOB_UNKNOWN",    "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",  "MANIFEST_INVALID",    "MANIFEST_BLOB_UNKNOWN",
    "NAME_INVALID",    "MANIFEST_UNKNOWN",    "NAME_UNKNOWN",
    "SIZE_INVALID",    "UNAUTHORIZED",        "DENIED",
    "TOOMANYREQUESTS", "UNSUPPORTED"};

class DistributionSpecTest : public ::testing::Test {
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

  // Sends it and expects `status`; a refusal has to be in the spec's form.
  HttpResponse Expect(int status, const std::string& method,
                      const std::string& target, const std::string& body = "",
                      const Fields& fields = {}) {
    HttpRequest request;
    request.method = method;
    request.url = target.starts_with("http")
                      ? target
                      : "http://" + server_->authority() + target;
    request.body = body;
    for (const auto& [name, value] : fields) request.headers.Add(name, value);
    HttpResult result = client_.Send(request, {});
    EXPECT_EQ(result.failure, HttpFailure::kNone) << method << " " << target;
    EXPECT_EQ(result.response.status, status)
        << method << " " << target << ": " << result.response.body;
    if (status >= 400 && status != 416 && method != "HEAD") {
      EXPECT_TRUE(kErrorCodes.contains(ErrorCodeOf(result.response)))
          << method << " " << target << ": " << result.response.body;
    }
    return std::move(result.response);
  }

  static std::string ErrorCodeOf(const HttpResponse& response) {
    auto document = ParseJson(response.body);
    if (!document || !document->contains("errors")) return "";
    return (*document)["errors"][0]["code"];
  }

  static std::string Field(const HttpResponse& response, const char* name) {
    return response.headers.Get(name);
  }

  // end-4a
  std::string StartUpload(const std::string& repository) {
    HttpResponse response =
        Expect(202, "POST", "/v2/" + repository + "/blobs/uploads/", "",
               {{"Content-Length", "0"}});
    EXPECT_NE(Field(response, "Location"), "");
    return Field(response, "Location");
  }

  static std::string WithDigest(const std::string& location,
                                const Digest& digest) {
    return location + (location.find('?') == std::string::npos ? "?" : "&") +
           "digest=" + digest.ToString();
  }

  Digest PushBlob(const std::string& repository, const std::string& content) {
    Digest digest = Digest::Of(content);
    Expect(201, "PUT", WithDigest(StartUpload(repository), digest), content,
           {{"Content-Type", kOctets}});
    return digest;
  }

  oci::Descriptor PushPart(const std::string& repository,
                           const std::string& content,
                           std::string_view media_type) {
    oci::Descriptor part;
    part.media_type = media_type;
    part.digest = PushBlob(repository, content);
    part.size_bytes = content.size();
    return part;
  }

  // A manifest whose blobs are there.
  std::string MakeManifest(const std::string& repository,
                           const std::string& seed, size_t layers = 1) {
    oci::Manifest manifest;
    manifest.config = PushPart(repository, R"({"seed":")" + seed + R"("})",
                               oci::kMediaTypeConfig);
    for (size_t i = 0; i < layers; ++i) {
      manifest.layers.push_back(
          PushPart(repository, "layer " + seed, oci::kMediaTypeLayer));
    }
    return oci::SerializeManifest(manifest);
  }

  HttpResponse PutManifest(int status, const std::string& repository,
                           const std::string& reference,
                           const std::string& bytes) {
    return Expect(status, "PUT",
                  "/v2/" + repository + "/manifests/" + reference, bytes,
                  {{"Content-Type", std::string(oci::kMediaTypeManifest)}});
  }

  std::vector<std::string> Tags(const HttpResponse& response) {
    auto document = ParseJson(response.body);
    EXPECT_TRUE(IsOk(document));
    return (*document)["tags"].get<std::vector<std::string>>();
  }

  TempDir directory_;
  std::unique_ptr<Server> server_;
  HttpClient client_{ClientOptions()};
};

TEST_F(DistributionSpecTest, End1TellsThatTheRegistryKnowsTheSpec) {
  Expect(200, "GET", "/v2/");
}

TEST_F(DistributionSpecTest, PullOfBlobs) {  // end-2
  Digest blob = PushBlob("test/pull", "some content");
  std::string there = "/v2/test/pull/blobs/" + blob.ToString();
  std::string absent = "/v2/test/pull/blobs/" + Digest::Of("absent").ToString();
  Expect(404, "HEAD", absent);
  EXPECT_EQ(ErrorCodeOf(Expect(404, "GET", absent)), "BLOB_UNKNOWN");
  HttpResponse head = Expect(200, "HEAD", there);
  EXPECT_EQ(Field(head, "Docker-Content-Digest"), blob.ToString());
  EXPECT_EQ(Field(head, "Content-Length"), "12");
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(Expect(200, "GET", there).body, "some content");
  HttpResponse part = Expect(206, "GET", there, "", {{"Range", "bytes=5-8"}});
  EXPECT_EQ(part.body, "cont");
  EXPECT_EQ(Field(part, "Content-Range"), "bytes 5-8/12");
  EXPECT_EQ(Field(part, "Content-Length"), "4");
  Expect(416, "GET", there, "", {{"Range", "bytes=12-"}});
  EXPECT_EQ(ErrorCodeOf(Expect(400, "GET", "/v2/test/pull/blobs/sha256:short")),
            "DIGEST_INVALID");
}

TEST_F(DistributionSpecTest, PullOfManifests) {  // end-3
  std::string bytes = MakeManifest("test/pull", "1");
  std::string digest = Digest::Of(bytes).ToString();
  PutManifest(201, "test/pull", "tagtest0", bytes);
  for (const std::string& absent :
       {std::string(".INVALID_MANIFEST_NAME"), std::string("no-such-tag"),
        Digest::Of("absent").ToString()}) {
    Expect(404, "HEAD", "/v2/test/pull/manifests/" + absent);
    Expect(404, "GET", "/v2/test/pull/manifests/" + absent);
  }
  for (const std::string& name : {std::string("tagtest0"), digest}) {
    std::string target = "/v2/test/pull/manifests/" + name;
    Fields accept = {{"Accept", std::string(oci::kMediaTypeManifest)}};
    HttpResponse head = Expect(200, "HEAD", target, "", accept);
    EXPECT_EQ(Field(head, "Docker-Content-Digest"), digest);
    EXPECT_EQ(Field(head, "Content-Length"), std::to_string(bytes.size()));
    HttpResponse get = Expect(200, "GET", target, "", accept);
    EXPECT_EQ(get.body, bytes);
    EXPECT_EQ(Field(get, "Content-Type"), oci::kMediaTypeManifest);
    EXPECT_EQ(Field(get, "Docker-Content-Digest"), digest);
  }
}

TEST_F(DistributionSpecTest, PushOfABlobInOneRequest) {  // end-4b, end-6
  std::string content = "streamed in one";
  Digest digest = Digest::Of(content);
  std::string uploads = "/v2/test/push/blobs/uploads/";
  HttpResponse post = Expect(201, "POST", WithDigest(uploads, digest), content,
                             {{"Content-Type", kOctets}});
  EXPECT_EQ(Expect(200, "GET", Field(post, "Location")).body, content);
  HttpResponse put = Expect(
      201, "PUT", WithDigest(StartUpload("test/push"), Digest::Of("other")),
      "other", {{"Content-Type", kOctets}, {"Content-Length", "5"}});
  EXPECT_EQ(Expect(200, "GET", Field(put, "Location")).body, "other");
  EXPECT_EQ(ErrorCodeOf(Expect(400, "PUT",
                               WithDigest(StartUpload("test/push"), digest),
                               "not that content")),
            "DIGEST_INVALID");
  EXPECT_EQ(
      ErrorCodeOf(Expect(
          404, "PUT", WithDigest(uploads + "nosuchsession", digest), content)),
      "BLOB_UPLOAD_UNKNOWN");
}

TEST_F(DistributionSpecTest, PushOfABlobInChunks) {  // end-5, end-6, end-13
  Digest digest = Digest::Of("hello world");
  std::string location = StartUpload("test/chunks");
  // The first chunk must begin at the beginning.
  Expect(416, "PATCH", location, "world",
         {{"Content-Type", kOctets}, {"Content-Range", "6-10"}});
  HttpResponse first =
      Expect(202, "PATCH", location, "hello ",
             {{"Content-Type", kOctets}, {"Content-Range", "0-5"}});
  EXPECT_EQ(Field(first, "Range"), "0-5");
  location = Field(first, "Location");
  HttpResponse status = Expect(204, "GET", location);
  EXPECT_EQ(Field(status, "Range"), "0-5");
  EXPECT_NE(Field(status, "Location"), "");
  // The same once more is out of order, and says how far it is.
  HttpResponse again =
      Expect(416, "PATCH", location, "hello ",
             {{"Content-Type", kOctets}, {"Content-Range", "0-5"}});
  EXPECT_EQ(Field(again, "Range"), "0-5");
  HttpResponse second =
      Expect(202, "PATCH", location, "world",
             {{"Content-Type", kOctets}, {"Content-Range", "6-10"}});
  EXPECT_EQ(Field(second, "Range"), "0-10");
  HttpResponse put =
      Expect(201, "PUT", WithDigest(Field(second, "Location"), digest), "",
             {{"Content-Length", "0"}});
  EXPECT_EQ(Expect(200, "GET", Field(put, "Location")).body, "hello world");
  Expect(404, "GET", location);
  Expect(404, "PATCH", location, "x", {{"Content-Range", "0-0"}});
}

TEST_F(DistributionSpecTest, PushOfTheLastChunkWithThePut) {  // end-6
  std::string location = StartUpload("test/chunks");
  HttpResponse first =
      Expect(202, "PATCH", location, "hello ", {{"Content-Range", "0-5"}});
  std::string target =
      WithDigest(Field(first, "Location"), Digest::Of("hello world"));
  Expect(416, "PUT", target, "world", {{"Content-Range", "3-7"}});
  HttpResponse put =
      Expect(201, "PUT", target, "world", {{"Content-Range", "6-10"}});
  EXPECT_EQ(Expect(200, "GET", Field(put, "Location")).body, "hello world");
}

TEST_F(DistributionSpecTest, PushOfABlobByMounting) {  // end-11
  Digest blob = PushBlob("test/from", "shared");
  std::string uploads = "/v2/test/to/blobs/uploads/?mount=";
  // Unknown there, or without a source: an upload begins.
  HttpResponse unknown =
      Expect(202, "POST",
             uploads + Digest::Of("unknown").ToString() + "&from=test%2Ffrom");
  EXPECT_NE(Field(unknown, "Location"), "");
  HttpResponse sourceless = Expect(202, "POST", uploads + blob.ToString());
  EXPECT_NE(Field(sourceless, "Location"), "");
  Expect(404, "GET", "/v2/test/to/blobs/" + blob.ToString());
  HttpResponse mounted =
      Expect(201, "POST", uploads + blob.ToString() + "&from=test%2Ffrom");
  EXPECT_EQ(Field(mounted, "Location"), "/v2/test/to/blobs/" + blob.ToString());
  EXPECT_EQ(Expect(200, "GET", Field(mounted, "Location")).body, "shared");
}

TEST_F(DistributionSpecTest, PushOfManifests) {  // end-7
  std::string bytes = MakeManifest("test/push", "1");
  std::string digest = Digest::Of(bytes).ToString();
  for (const std::string& name :
       {std::string("test0"), std::string("test1"), digest}) {
    HttpResponse put = PutManifest(201, "test/push", name, bytes);
    EXPECT_EQ(Field(put, "Docker-Content-Digest"), digest);
    EXPECT_EQ(Expect(200, "GET", Field(put, "Location")).body, bytes);
    EXPECT_EQ(Field(put, "OCI-Subject"), "");
  }
  PutManifest(201, "test/push", "bare", MakeManifest("test/push", "2", 0));
  EXPECT_EQ(ErrorCodeOf(PutManifest(400, "test/push", "v", "blargh")),
            "MANIFEST_INVALID");
  EXPECT_EQ(ErrorCodeOf(PutManifest(400, "test/empty", "v", bytes)),
            "MANIFEST_BLOB_UNKNOWN");
  EXPECT_EQ(ErrorCodeOf(PutManifest(400, "test/push",
                                    Digest::Of("x").ToString(), bytes)),
            "DIGEST_INVALID");
  PutManifest(404, "test/UPPER", "v", bytes);
}

TEST_F(DistributionSpecTest, DiscoveryOfTags) {  // end-8
  std::string bytes = MakeManifest("test/tags", "1");
  const std::vector<std::string> all = {"test0", "test1", "test2", "test3"};
  for (const std::string& tag : all) PutManifest(201, "test/tags", tag, bytes);
  std::string list = "/v2/test/tags/tags/list";
  EXPECT_EQ(Tags(Expect(200, "GET", list)), all);
  EXPECT_EQ(Tags(Expect(200, "GET", list + "?n=0")),
            std::vector<std::string>());
  HttpResponse page = Expect(200, "GET", list + "?n=2");
  EXPECT_EQ(Tags(page), (std::vector<std::string>{"test0", "test1"}));
  std::string link = Field(page, "Link");
  EXPECT_NE(link.find("rel=\"next\""), std::string::npos) << link;
  std::string next = link.substr(1, link.find('>') - 1);
  HttpResponse rest = Expect(200, "GET", next);
  EXPECT_EQ(Tags(rest), (std::vector<std::string>{"test2", "test3"}));
  EXPECT_EQ(Field(rest, "Link"), "");
  EXPECT_EQ(Tags(Expect(200, "GET", list + "?n=10&last=test2")),
            std::vector<std::string>{"test3"});
  EXPECT_EQ(ErrorCodeOf(Expect(404, "GET", "/v2/test/none/tags/list")),
            "NAME_UNKNOWN");
}

TEST_F(DistributionSpecTest, DiscoveryOfReferrers) {  // end-12
  std::string subject_bytes = MakeManifest("test/refers", "subject");
  oci::Descriptor subject;
  subject.media_type = oci::kMediaTypeManifest;
  subject.digest = Digest::Of(subject_bytes);
  subject.size_bytes = subject_bytes.size();
  std::string list = "/v2/test/refers/referrers/" + subject.digest.ToString();
  auto entries = [&](const HttpResponse& response) {
    EXPECT_EQ(Field(response, "Content-Type"), oci::kMediaTypeIndex);
    auto index = oci::ParseIndex(response.body);
    EXPECT_TRUE(IsOk(index));
    return index->manifests;
  };
  EXPECT_TRUE(entries(Expect(200, "GET", list)).empty());
  EXPECT_EQ(ErrorCodeOf(Expect(400, "GET", "/v2/test/refers/referrers/x")),
            "DIGEST_INVALID");

  // By artifact type, by the type of its configuration, and an index; before
  // the subject itself is there.
  oci::Manifest artifact;
  artifact.artifact_type = "application/vnd.test.signature";
  artifact.config = PushPart("test/refers", "{}", oci::kMediaTypeEmptyJson);
  artifact.subject = subject;
  artifact.annotations = {{"key", "value"}};
  oci::Manifest by_config = artifact;
  by_config.artifact_type.clear();
  by_config.config.media_type = "application/vnd.test.sbom";
  for (const oci::Manifest& manifest : {artifact, by_config}) {
    std::string bytes = oci::SerializeManifest(manifest);
    HttpResponse put =
        PutManifest(201, "test/refers", Digest::Of(bytes).ToString(), bytes);
    EXPECT_EQ(Field(put, "OCI-Subject"), subject.digest.ToString());
  }
  oci::Index index;
  index.artifact_type = "application/vnd.test.index";
  index.subject = subject;
  HttpResponse put = Expect(
      201, "PUT", "/v2/test/refers/manifests/index", oci::SerializeIndex(index),
      {{"Content-Type", std::string(oci::kMediaTypeIndex)}});
  EXPECT_EQ(Field(put, "OCI-Subject"), subject.digest.ToString());
  PutManifest(201, "test/refers", "subject", subject_bytes);

  HttpResponse all = Expect(200, "GET", list);
  EXPECT_EQ(Field(all, "OCI-Filters-Applied"), "");
  EXPECT_EQ(entries(all).size(), 3u);
  for (const char* type :
       {"application/vnd.test.signature", "application/vnd.test.sbom",
        "application/vnd.test.index"}) {
    HttpResponse some =
        Expect(200, "GET", WithQuery(list, "artifactType", type));
    EXPECT_EQ(Field(some, "OCI-Filters-Applied"), "artifactType");
    auto found = entries(some);
    ASSERT_EQ(found.size(), 1u) << type;
    EXPECT_EQ(found[0].artifact_type, type);
  }
  EXPECT_EQ(entries(Expect(200, "GET",
                           WithQuery(list, "artifactType",
                                     "application/vnd.test.signature")))[0]
                .annotations,
            artifact.annotations);
}

TEST_F(DistributionSpecTest, ManagementOfTagsAndManifests) {  // end-9
  std::string bytes = MakeManifest("test/manage", "1");
  std::string manifests = "/v2/test/manage/manifests/";
  std::string digest = Digest::Of(bytes).ToString();
  for (const char* tag : {"one", "two"}) {
    PutManifest(201, "test/manage", tag, bytes);
  }
  Expect(202, "DELETE", manifests + "one");
  Expect(404, "GET", manifests + "one");
  Expect(404, "DELETE", manifests + "one");
  Expect(200, "GET", manifests + "two");
  Expect(202, "DELETE", manifests + digest);
  Expect(404, "GET", manifests + digest);
  Expect(404, "GET", manifests + "two");
  EXPECT_EQ(ErrorCodeOf(Expect(404, "DELETE", manifests + digest)),
            "MANIFEST_UNKNOWN");
  EXPECT_EQ(Tags(Expect(200, "GET", "/v2/test/manage/tags/list")),
            std::vector<std::string>());
}

TEST_F(DistributionSpecTest, ManagementOfBlobs) {  // end-10
  Digest blob = PushBlob("test/manage", "short-lived");
  std::string target = "/v2/test/manage/blobs/" + blob.ToString();
  Expect(202, "DELETE", target);
  Expect(404, "GET", target);
  EXPECT_EQ(ErrorCodeOf(Expect(404, "DELETE", target)), "BLOB_UNKNOWN");
}

TEST_F(DistributionSpecTest, ManagementIsRefusedWhereReadOnly) {
  std::string bytes = MakeManifest("test/fixed", "1");
  Digest blob = Digest::Of("layer 1");
  PutManifest(201, "test/fixed", "v1", bytes);
  Start({.read_only = true});
  std::string manifests = "/v2/test/fixed/manifests/";
  for (const auto& [method, target] :
       std::initializer_list<std::pair<const char*, std::string>>{
           {"DELETE", manifests + "v1"},
           {"DELETE", manifests + Digest::Of(bytes).ToString()},
           {"DELETE", "/v2/test/fixed/blobs/" + blob.ToString()},
           {"PUT", manifests + "v2"},
           {"POST", "/v2/test/fixed/blobs/uploads/"},
           {"PATCH", "/v2/test/fixed/blobs/uploads/x"}}) {
    EXPECT_EQ(ErrorCodeOf(Expect(405, method, target)), "UNSUPPORTED");
  }
  Expect(200, "GET", manifests + "v1");
}

}  // namespace
}  // namespace strake::registry
