#include "cli/image_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/build_metadata.h"
#include "util/json.h"

namespace strake::cli {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

builder::StoredImage Image() {
  builder::StoredImage image;
  image.name = "docker.io/library/app:1";
  image.descriptor.digest = oci::Digest::Of("manifest");
  image.descriptor.media_type = "application/vnd.oci.image.manifest.v1+json";
  image.descriptor.size_bytes = 400;
  image.config = oci::Digest::Of("config");
  image.size_bytes = 12'300'000;
  image.created = oci::Timestamp(seconds(1'700'000'000));
  return image;
}

TEST(HumanDurationTest, SpeaksAsDockerDoes) {
  EXPECT_EQ(HumanDuration(seconds(0)), "Less than a second");
  EXPECT_EQ(HumanDuration(seconds(1)), "1 second");
  EXPECT_EQ(HumanDuration(seconds(59)), "59 seconds");
  EXPECT_EQ(HumanDuration(seconds(61)), "About a minute");
  EXPECT_EQ(HumanDuration(minutes(5)), "5 minutes");
  EXPECT_EQ(HumanDuration(minutes(62)), "About an hour");
  EXPECT_EQ(HumanDuration(hours(47)), "47 hours");
  EXPECT_EQ(HumanDuration(hours(24 * 3)), "3 days");
  EXPECT_EQ(HumanDuration(hours(24 * 20)), "2 weeks");
  EXPECT_EQ(HumanDuration(hours(24 * 70)), "2 months");
  EXPECT_EQ(HumanDuration(hours(24 * 800)), "2 years");
}

TEST(ImageRowTest, ShowsFamiliarNames) {
  auto now =
      std::chrono::system_clock::time_point(seconds(1'700'000'000)) + hours(3);
  ImageRow row = MakeImageRow(Image(), now);
  EXPECT_EQ(row.repository, "app");
  EXPECT_EQ(row.tag, "1");
  EXPECT_EQ(row.id, oci::Digest::Of("config").Hex().substr(0, 12));
  EXPECT_EQ(row.created, "3 hours ago");
}

TEST(ImageRowTest, ANamelessImageHasNone) {
  builder::StoredImage image = Image();
  image.name.clear();
  image.created.reset();
  ImageRow row = MakeImageRow(image, {});
  EXPECT_EQ(row.repository, "<none>");
  EXPECT_EQ(row.tag, "<none>");
  EXPECT_EQ(row.created, "N/A");
}

TEST(InspectJsonTest, HasDockersFields) {
  builder::ImageDocuments documents;
  documents.image = Image();
  documents.manifest = "{}";
  documents.config = R"({"architecture":"amd64","os":"linux",
    "created":"2023-11-14T22:13:20Z","config":{"Env":["A=1"]},
    "rootfs":{"type":"layers","diff_ids":["sha256:1"]}})";
  auto text = InspectJson(documents, {"docker.io/library/app:1"});
  ASSERT_TRUE(text) << text.error().message();
  auto json = ParseJson(*text).value();
  EXPECT_EQ(json["Id"], oci::Digest::Of("config").ToString());
  EXPECT_EQ(json["RepoTags"], nlohmann::json({"app:1"}));
  EXPECT_EQ(json["RepoDigests"][0],
            "app@" + oci::Digest::Of("manifest").ToString());
  EXPECT_EQ(json["Config"]["Env"][0], "A=1");
  EXPECT_EQ(json["RootFS"]["Layers"][0], "sha256:1");
  EXPECT_EQ(json["Os"], "linux");
  EXPECT_FALSE(json.contains("Author"));
}

TEST(InspectJsonTest, ADamagedConfigIsAnError) {
  builder::ImageDocuments documents;
  documents.image = Image();
  documents.config = "[]";
  auto text = InspectJson(documents, {});
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), ErrorCode::kCorrupt);
}

TEST(BuildMetadataTest, HasBuildxKeys) {
  builder::BuildResult result;
  result.image = Image().descriptor;
  result.config = Image().config;
  result.names = {"docker.io/library/a:1", "docker.io/library/b:2"};
  auto json = ParseJson(BuildMetadata(result)).value();
  EXPECT_EQ(json["containerimage.digest"], result.image->digest.ToString());
  EXPECT_EQ(json["containerimage.config.digest"], result.config->ToString());
  EXPECT_EQ(json["containerimage.descriptor"]["size"], 400);
  EXPECT_EQ(json["image.name"], "docker.io/library/a:1,docker.io/library/b:2");
  result.names.clear();
  EXPECT_FALSE(ParseJson(BuildMetadata(result))->contains("image.name"));
}

}  // namespace
}  // namespace strake::cli
