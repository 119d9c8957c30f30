#include "oci/manifest.h"

#include <gtest/gtest.h>

#include "tests/support/expect_result.h"

namespace strake::oci {
namespace {

using testing::FailsWith;
using testing::IsOk;

Descriptor Blob(std::string_view content, std::string_view media_type) {
  Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = Digest::Of(content);
  descriptor.size_bytes = content.size();
  return descriptor;
}

Descriptor Entry(const char* platform) {
  Descriptor entry = Blob(platform, kMediaTypeManifest);
  entry.platform = *ParsePlatform(platform);
  return entry;
}

TEST(ManifestTest, WritesKeysInTheSpecificationsOrder) {
  Manifest manifest;
  manifest.artifact_type = "application/x";
  manifest.config = Blob("c", kMediaTypeConfig);
  manifest.layers = {Blob("l", kMediaTypeLayerGzip)};
  manifest.layers[0].annotations["a"] = "b";
  manifest.subject = Blob("s", kMediaTypeManifest);
  manifest.annotations["k"] = "v";
  EXPECT_EQ(R"({
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "artifactType": "application/x",
  "config": {
    "mediaType": "application/vnd.oci.image.config.v1+json",
    "digest": "sha256:2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6",
    "size": 1
  },
  "layers": [
    {
      "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
      "digest": "sha256:acac86c0e609ca906f632b0e2dacccb2b77d22b0621f20ebece1a4835b93f6f0",
      "size": 1,
      "annotations": {
        "a": "b"
      }
    }
  ],
  "subject": {
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "digest": "sha256:043a718774c572bd8a25adbeb1bfcd5c0256ae11cecf9f9c3f925d0e52beaf89",
    "size": 1
  },
  "annotations": {
    "k": "v"
  }
})",
            SerializeManifest(manifest));
}

TEST(ManifestTest, ReadsBackWhatItWrites) {
  for (MediaTypeFamily family :
       {MediaTypeFamily::kOci, MediaTypeFamily::kDocker}) {
    Manifest manifest;
    manifest.family = family;
    manifest.config = Blob("c", kDockerMediaTypeConfig);
    manifest.layers = {Blob("1", kDockerMediaTypeLayerGzip),
                       Blob("2", kDockerMediaTypeLayer)};
    manifest.layers[0].urls = {"https://x/y"};
    auto read = ParseManifest(SerializeManifest(manifest));
    ASSERT_TRUE(IsOk(read));
    EXPECT_EQ(family, read->family);
    EXPECT_EQ(manifest.config, read->config);
    EXPECT_EQ(manifest.layers, read->layers);
    EXPECT_EQ(SerializeManifest(manifest), SerializeManifest(*read));

    Index index;
    index.family = family;
    index.manifests = {Entry("linux/amd64"), Entry("linux/arm/v6")};
    index.manifests[0].platform->os_version = "1";
    index.manifests[0].platform->os_features = {"f"};
    auto again = ParseIndex(SerializeIndex(index));
    ASSERT_TRUE(IsOk(again));
    EXPECT_EQ(family, again->family);
    EXPECT_EQ(index.manifests, again->manifests);
  }
}

TEST(ManifestTest, SaysWhereTheDocumentIsWrong) {
  std::string good = SerializeManifest({.family = {},
                                        .artifact_type = {},
                                        .config = Blob("c", "t"),
                                        .layers = {Blob("l", "t")},
                                        .subject = {},
                                        .annotations = {}});
  struct Case {
    const char* from;
    const char* to;
    ErrorCode code;
    const char* message;
  };
  for (const Case& c : {
           Case{"\"schemaVersion\": 2", "\"schemaVersion\": 3",
                ErrorCode::kUnsupported, "schemaVersion 3"},
           Case{"\"schemaVersion\": 2", "\"schemaVersion\": 1",
                ErrorCode::kUnsupported, "schema 1"},
           Case{"\"schemaVersion\": 2,", "", ErrorCode::kInvalidArgument,
                "schemaVersion"},
           Case{"image.manifest.v1", "image.index.v1",
                ErrorCode::kInvalidArgument, "mediaType"},
           Case{"\"config\"", "\"conf\"", ErrorCode::kInvalidArgument,
                "config.mediaType"},
           Case{"\"size\": 1", "\"size\": -1", ErrorCode::kInvalidArgument,
                "config.size"},
           Case{"sha256:2e", "sha256:zz", ErrorCode::kInvalidArgument,
                "config.digest"},
           Case{"\"layers\": [", "\"layers\": [{},",
                ErrorCode::kInvalidArgument, "layers[0].mediaType"},
       }) {
    std::string bad = good;
    ASSERT_NE(std::string::npos, bad.find(c.from)) << c.from;
    bad.replace(bad.find(c.from), std::string(c.from).size(), c.to);
    EXPECT_TRUE(FailsWith(ParseManifest(bad), c.code, c.message)) << c.to;
  }
  EXPECT_TRUE(FailsWith(ParseManifest("[]"), ErrorCode::kInvalidArgument));
  EXPECT_TRUE(
      FailsWith(ParseManifest("nonsense"), ErrorCode::kInvalidArgument));
}

TEST(ManifestTest, DetectsWhatADocumentIs) {
  EXPECT_EQ(kMediaTypeManifest,
            *DetectMediaType(R"({"schemaVersion":2,"config":{},"layers":[]})"));
  EXPECT_EQ(kMediaTypeIndex,
            *DetectMediaType(R"({"schemaVersion":2,"manifests":[]})"));
  EXPECT_EQ("x/y", *DetectMediaType(R"({"mediaType":"x/y"})"));
  EXPECT_TRUE(FailsWith(
      DetectMediaType(R"({"schemaVersion":2,"manifests":[],"config":{}})"),
      ErrorCode::kInvalidArgument, "both"));
  EXPECT_TRUE(FailsWith(DetectMediaType(R"({"schemaVersion":2})"),
                        ErrorCode::kInvalidArgument, "neither"));
  EXPECT_TRUE(FailsWith(DetectMediaType(R"({"schemaVersion":1,"name":"x"})"),
                        ErrorCode::kUnsupported, "schema 1"));
  EXPECT_TRUE(FailsWith(
      DetectMediaType(
          R"({"mediaType":"application/vnd.docker.distribution.manifest.v1+prettyjws"})"),
      ErrorCode::kUnsupported, "schema 1"));
}

TEST(SelectPlatformTest, TakesTheBest) {
  Index index;
  index.manifests = {Entry("linux/arm/v5"), Entry("linux/arm/v6"),
                     Entry("linux/amd64"), Entry("linux/arm64")};
  auto select = [&](const char* wanted) {
    auto chosen = SelectPlatform(index, *ParsePlatform(wanted));
    return chosen ? chosen->platform->ToString() : chosen.error().message();
  };
  EXPECT_EQ("linux/amd64", select("linux/amd64"));
  EXPECT_EQ("linux/arm/v6", select("linux/arm/v7"));
  EXPECT_EQ("linux/arm/v5", select("linux/arm/v5"));
  EXPECT_EQ("linux/arm64", select("linux/arm64/v8"));
  EXPECT_EQ(
      "no image for platform linux/s390x in the index; it has linux/arm/v5, "
      "linux/arm/v6, linux/amd64, linux/arm64",
      select("linux/s390x"));
}

TEST(SelectPlatformTest, NeverTakesAnAttestation) {
  Index index;
  Descriptor attestation = Blob("a", kMediaTypeManifest);
  attestation.platform.emplace();
  attestation.platform->os = "unknown";
  attestation.platform->architecture = "unknown";
  index.manifests = {attestation};
  EXPECT_TRUE(FailsWith(SelectPlatform(index, *ParsePlatform("linux/amd64")),
                        ErrorCode::kNotFound, "no platforms"));
  EXPECT_TRUE(FailsWith(SelectPlatform(index, *attestation.platform),
                        ErrorCode::kNotFound));
}

TEST(SelectPlatformTest, TakesALoneEntryWithoutPlatform) {
  Index index;
  index.manifests = {Blob("a", kMediaTypeManifest)};
  EXPECT_TRUE(IsOk(SelectPlatform(index, *ParsePlatform("linux/amd64"))));
}

}  // namespace
}  // namespace strake::oci
