#include "registry/registries_config.h"

#include <gtest/gtest.h>

#include "tests/support/expect_result.h"

namespace strake::registry {
namespace {

using strake::testing::FailsWith;
using strake::testing::IsOk;

RegistriesConfig Read(const char* text) {
  auto config = RegistriesConfig::Parse(text, "r.conf");
  EXPECT_TRUE(IsOk(config));
  return config ? *config : RegistriesConfig();
}

std::vector<std::string> Places(const RegistriesConfig& config,
                                const char* reference) {
  auto places = config.PullPlaces(*oci::ParseReference(reference));
  EXPECT_TRUE(IsOk(places));
  std::vector<std::string> names;
  if (!places) return names;
  for (const oci::Reference& place : *places) names.push_back(place.ToString());
  return names;
}

using Names = std::vector<std::string>;

constexpr const char* kDigest =
    "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(RegistriesConfigTest, LeavesImagesWhereTheirNamesSay) {
  EXPECT_EQ(Places(RegistriesConfig(), "a.example/x:1"),
            Names{"a.example/x:1"});
  RegistriesConfig config = Read(
      "unqualified-search-registries = [\"quay.io\"]\n"
      "short-name-mode = \"enforcing\"\n[aliases]\n\"x\" = \"y/x\"\n");
  EXPECT_EQ(Places(config, "debian:12"), Names{"docker.io/library/debian:12"});
}

TEST(RegistriesConfigTest, AsksMirrorsInOrderThenTheLocation) {
  RegistriesConfig config = Read(R"(
[[registry]]
prefix = "docker.io"
location = "hub.example"
[[registry.mirror]]
location = "first.example:5000/cache"
[[registry.mirror]]
location = "second.example"
)");
  EXPECT_EQ(Places(config, "debian:12"),
            (Names{"first.example:5000/cache/library/debian:12",
                   "second.example/library/debian:12",
                   "hub.example/library/debian:12"}));
  EXPECT_EQ(Places(config, "quay.io/x"), Names{"quay.io/x"});
}

TEST(RegistriesConfigTest, TheLongestPrefixCountsAtNameBoundaries) {
  RegistriesConfig config = Read(R"(
[[registry]]
location = "a.example"
[[registry]]
prefix = "a.example/team"
location = "b.example/moved"
[[registry]]
prefix = "a.example/team/app:1"
location = "c.example/app"
)");
  EXPECT_EQ(Places(config, "a.example/x"), Names{"a.example/x"});
  EXPECT_EQ(Places(config, "a.example/team/y:2"), Names{"b.example/moved/y:2"});
  EXPECT_EQ(Places(config, "a.example/teams/y"), Names{"a.example/teams/y"});
  EXPECT_EQ(Places(config, "a.example/team/app:1"), Names{"c.example/app:1"});
  EXPECT_EQ(Places(config, "a.example:5000/team/y"),
            Names{"a.example:5000/team/y"});
}

TEST(RegistriesConfigTest, StarsStandForTheHostsBelowADomain) {
  RegistriesConfig config = Read(R"(
[[registry]]
prefix = "*.example"
[[registry.mirror]]
location = "mirror.test/m"
)");
  EXPECT_EQ(Places(config, "a.example/x"),
            (Names{"mirror.test/m/x", "a.example/x"}));
  EXPECT_EQ(Places(config, "example/x"), Names{"docker.io/example/x"});
}

TEST(RegistriesConfigTest, KeepsMirrorsToTheirUse) {
  RegistriesConfig config = Read(R"(
[[registry]]
location = "a.example"
[[registry.mirror]]
location = "digests.example"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "tags.example"
pull-from-mirror = "tag-only"
)");
  EXPECT_EQ(Places(config, "a.example/x:1"),
            (Names{"tags.example/x:1", "a.example/x:1"}));
  std::string pinned = std::string("a.example/x") + kDigest;
  EXPECT_EQ(Places(config, pinned.c_str()),
            (Names{std::string("digests.example/x") + kDigest, pinned}));
  // A blob is wherever its manifest was.
  EXPECT_EQ(Places(config, "a.example/x").size(), 3u);
}

TEST(RegistriesConfigTest, SaysWhoBlocks) {
  RegistriesConfig config =
      Read("[[registry]]\nlocation = \"a.example/bad\"\nblocked = true\n");
  EXPECT_TRUE(
      FailsWith(config.PullPlaces(*oci::ParseReference("a.example/bad/x")),
                ErrorCode::kUnauthorized, "is blocked by r.conf"));
  EXPECT_TRUE(IsOk(config.CheckAllowed(*oci::ParseReference("a.example/x"))));
}

TEST(RegistriesConfigTest, KnowsInsecurePlaces) {
  RegistriesConfig config = Read(R"(
[[registry]]
location = "a.example"
insecure = true
[[registry]]
location = "b.example"
[[registry.mirror]]
location = "m.example/only/here"
insecure = true
)");
  auto insecure = [&](const char* registry, const char* repository) {
    return config.IsInsecure({registry, repository, "", {}});
  };
  EXPECT_TRUE(insecure("a.example", "x"));
  EXPECT_TRUE(insecure("a.example", ""));
  EXPECT_FALSE(insecure("b.example", "x"));
  EXPECT_TRUE(insecure("m.example", "only/here/x"));
  EXPECT_FALSE(insecure("m.example", "elsewhere"));
}

TEST(RegistriesConfigTest, LaterFilesReplaceRulesOfTheSamePrefix) {
  RegistriesConfig config =
      Read("[[registry]]\nlocation = \"a.example\"\nblocked = true\n");
  config.Override(
      Read("[[registry]]\nprefix = \"a.example\"\nlocation = \"b.example\"\n"));
  EXPECT_EQ(Places(config, "a.example/x"), Names{"b.example/x"});
}

TEST(RegistriesConfigTest, RefusesWhatItCannotFollow) {
  auto refused = [](const char* text, ErrorCode code, const char* message) {
    return FailsWith(RegistriesConfig::Parse(text, "r.conf"), code, message);
  };
  EXPECT_TRUE(refused("[registries.search]\nregistries = []\n",
                      ErrorCode::kUnsupported, "version 1"));
  EXPECT_TRUE(refused("[[registry]]\nlocation = [", ErrorCode::kInvalidArgument,
                      "r.conf"));
  EXPECT_TRUE(
      refused("[[registry]]\nlocation = 7\n", ErrorCode::kInvalidArgument, ""));
  EXPECT_TRUE(refused("[[registry]]\nlocation = \"a\"\nblocked = \"yes\"\n",
                      ErrorCode::kInvalidArgument, ""));
  EXPECT_TRUE(refused("[[registry]]\nblocked = true\n",
                      ErrorCode::kInvalidArgument, "neither prefix nor"));
  EXPECT_TRUE(refused("[[registry]]\nlocation = \"a\"\n[[registry.mirror]]\n",
                      ErrorCode::kInvalidArgument, "mirror has no location"));
  EXPECT_TRUE(
      refused("[[registry]]\nlocation = \"a\"\n[[registry.mirror]]\n"
              "location = \"b\"\npull-from-mirror = \"some\"\n",
              ErrorCode::kInvalidArgument, "pull-from-mirror"));
  EXPECT_TRUE(refused("registry = 1\n", ErrorCode::kInvalidArgument, ""));
}

}  // namespace
}  // namespace strake::registry
