#include "tasks/run/image_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace strake::tasks::run {
namespace {

using testing::ElementsAre;

std::string CacheOf(const std::vector<std::string>& tags,
                    const std::string& registry = "r.example.io",
                    const std::string& step = "acb_step_0") {
  auto reference = CacheReference(tags, registry, "quickrun", step);
  return reference ? *reference : "error: " + reference.error().message();
}

TEST(ImageNamesTest, ACacheIsBesideTheFirstTagWithARegistry) {
  EXPECT_EQ(CacheOf({"r.io/a/b:1"}), "r.io/a/b:cache_quickrun_acb_step_0");
  EXPECT_EQ(CacheOf({"x", "r.io/a"}), "r.io/a:cache_quickrun_acb_step_0");
  EXPECT_EQ(CacheOf({"localhost:5000/a:1"}),
            "localhost:5000/a:cache_quickrun_acb_step_0");
  EXPECT_EQ(CacheOf({"team/app:2"}),
            "r.example.io/team/app:cache_quickrun_acb_step_0");
  EXPECT_EQ(CacheOf({"app"}), "r.example.io/app:cache_quickrun_acb_step_0");
}

TEST(ImageNamesTest, NoTagOrNoRegistryIsNoCache) {
  EXPECT_EQ(CacheOf({}), "");
  EXPECT_EQ(CacheOf({"app"}, ""), "");
}

TEST(ImageNamesTest, ACacheTagHasAtMost128Characters) {
  const std::string fits(128 - std::string("cache_quickrun_").size(), 's');
  EXPECT_EQ(CacheOf({"r.io/a"}, "", fits), "r.io/a:cache_quickrun_" + fits);
  EXPECT_THAT(CacheOf({"r.io/a"}, "", fits + "s"),
              testing::StartsWith("error: "));
}

TEST(ImageNamesTest, PushedImagesHaveATagAndComeOnce) {
  EXPECT_THAT(ImagesToPush({"r.io/a", "r.io/a:latest", "r.io/b:1", "r.io/a",
                            "c@sha256:00", "localhost:5000/x"}),
              ElementsAre("r.io/a:latest", "r.io/b:1", "c@sha256:00",
                          "localhost:5000/x"));
}

TEST(ImageNamesTest, NamesAreSpeltAsAcrDoes) {
  auto hub = oci::ParseReference("alpine:3");
  const ImageName name = NameOf(*hub, "sha256:1");
  EXPECT_EQ(name.registry, "registry.hub.docker.com");
  EXPECT_EQ(name.repository, "library/alpine");
  EXPECT_EQ(name.tag, "3");
  EXPECT_EQ(name.reference, "alpine:3");
  auto own = oci::ParseReference("localhost:5000/x/y:1");
  EXPECT_EQ(NameOf(*own, "").registry, "localhost:5000");
  EXPECT_EQ(NameOf(*own, "").reference, "localhost:5000/x/y:1");
}

TEST(ImageNamesTest, DependenciesAreOneEntryATag) {
  builder::BuildResult result;
  const auto digest = [](char c) {
    return *oci::Digest::Parse("sha256:" + std::string(64, c));
  };
  result.image = oci::Descriptor{};
  result.image->digest = digest('a');
  result.dependencies = {{*oci::ParseReference("r.io/tool:1"), digest('b')},
                         {*oci::ParseReference("alpine:3"), digest('c'), true}};
  const auto all =
      DependenciesOf(result, {"r.io/app:1", "r.io/app:2"}, "c0ffee");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(FormatDependencies({all[1]}),
            "[{\"image\":{\"registry\":\"r.io\",\"repository\":\"app\",\"tag\":"
            "\"2\",\"digest\":\"sha256:" +
                std::string(64, 'a') +
                "\",\"reference\":\"r.io/app:2\"},\"runtime-dependency\":{"
                "\"registry\":\"registry.hub.docker.com\",\"repository\":"
                "\"library/alpine\",\"tag\":\"3\",\"digest\":\"sha256:" +
                std::string(64, 'c') +
                "\",\"reference\":\"alpine:3\"},\"buildtime-dependency\":[{"
                "\"registry\":\"r.io\",\"repository\":\"tool\",\"tag\":\"1\","
                "\"digest\":\"sha256:" +
                std::string(64, 'b') +
                "\",\"reference\":\"r.io/tool:1\"}],\"git\":{\"git-head-"
                "revision\":\"c0ffee\"}}]");
}

TEST(ImageNamesTest, AnImageWithoutTagAndBaseHasOneEntry) {
  const auto all = DependenciesOf({}, {}, "");
  EXPECT_EQ(FormatDependencies(all),
            "[{\"image\":null,\"runtime-dependency\":{\"registry\":"
            "\"registry.hub.docker.com\",\"repository\":\"library/scratch\","
            "\"tag\":\"latest\",\"digest\":\"\",\"reference\":"
            "\"scratch:latest\"},\"buildtime-dependency\":null,\"git\":{"
            "\"git-head-revision\":\"\"}}]");
}

}  // namespace
}  // namespace strake::tasks::run
