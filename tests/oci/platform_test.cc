#include "oci/platform.h"

#include <gtest/gtest.h>

#include "tests/support/expect_result.h"

namespace strake::oci {
namespace {

using testing::FailsWith;
using testing::IsOk;

TEST(PlatformTest, NormalisesEverySpelling) {
  struct Case {
    const char* text;
    const char* normal;
  };
  for (const Case& c : {
           Case{"linux/amd64", "linux/amd64"},
           Case{"Linux/X86_64", "linux/amd64"},
           Case{"linux/x86-64", "linux/amd64"},
           Case{"linux/amd64/v1", "linux/amd64"},
           Case{"linux/amd64/v3", "linux/amd64/v3"},
           Case{"linux/i386", "linux/386"},
           Case{"linux/arm64", "linux/arm64"},
           Case{"linux/arm64/v8", "linux/arm64"},
           Case{"linux/arm64/8", "linux/arm64"},
           Case{"linux/aarch64", "linux/arm64"},
           Case{"linux/arm", "linux/arm/v7"},
           Case{"linux/arm/7", "linux/arm/v7"},
           Case{"linux/arm/v6", "linux/arm/v6"},
           Case{"linux/armhf", "linux/arm/v7"},
           Case{"linux/armel", "linux/arm/v6"},
           Case{"linux/riscv64", "linux/riscv64"},
           Case{"macos/arm64", "darwin/arm64"},
           Case{"windows/amd64", "windows/amd64"},
           Case{"never/heard/of", "never/heard/of"},
       }) {
    auto platform = ParsePlatform(c.text);
    ASSERT_TRUE(IsOk(platform)) << c.text;
    EXPECT_EQ(c.normal, platform->ToString());
  }
}

TEST(PlatformTest, CompletesALoneWordFromTheHost) {
  Platform host = HostPlatform();
  EXPECT_EQ("linux", host.os);
  EXPECT_FALSE(host.architecture.empty());
  EXPECT_EQ(host.os + "/s390x", ParsePlatform("s390x")->ToString());
  EXPECT_EQ(host.os + "/arm64", ParsePlatform("aarch64")->ToString());
  EXPECT_EQ("freebsd/" + host.architecture,
            ParsePlatform("freebsd")->ToString().substr(
                0, 8 + host.architecture.size()));
  EXPECT_EQ(host, *ParsePlatform("linux"));
}

TEST(PlatformTest, RefusesWhatIsNone) {
  for (const char* text :
       {"", "/", "linux/", "/amd64", "a/b/c/d", "linux/am d64", "foo"}) {
    EXPECT_TRUE(FailsWith(ParsePlatform(text), ErrorCode::kInvalidArgument))
        << text;
  }
}

TEST(PlatformTest, MatchesEqualPlatformsOnly) {
  auto matches = [](const char* image, const char* wanted) {
    return PlatformMatches(*ParsePlatform(image), *ParsePlatform(wanted));
  };
  EXPECT_TRUE(matches("linux/arm64/v8", "linux/arm64"));
  EXPECT_TRUE(matches("linux/arm", "linux/arm/v7"));
  EXPECT_FALSE(matches("linux/arm/v6", "linux/arm/v7"));
  EXPECT_FALSE(matches("windows/amd64", "linux/amd64"));
  Platform windows = *ParsePlatform("windows/amd64");
  Platform dated = windows;
  dated.os_version = "10.0.17763";
  EXPECT_TRUE(PlatformMatches(dated, windows));
  Platform other = windows;
  other.os_version = "10.0.20348";
  EXPECT_FALSE(PlatformMatches(dated, other));
}

TEST(PlatformTest, PrefersTheNewestCompatibleVariant) {
  auto score = [](const char* image, const char* wanted) {
    return PlatformMatchScore(*ParsePlatform(image), *ParsePlatform(wanted));
  };
  EXPECT_GT(score("linux/arm/v7", "linux/arm/v7"),
            score("linux/arm/v6", "linux/arm/v7"));
  EXPECT_GT(score("linux/arm/v6", "linux/arm/v7"),
            score("linux/arm/v5", "linux/arm/v7"));
  EXPECT_GT(score("linux/arm/v5", "linux/arm/v7"), 0);
  EXPECT_EQ(0, score("linux/arm/v7", "linux/arm/v6"));
  EXPECT_GT(score("linux/amd64", "linux/amd64/v3"), 0);
  EXPECT_EQ(0, score("linux/amd64/v3", "linux/amd64"));
  EXPECT_EQ(0, score("linux/arm64", "linux/amd64"));
  EXPECT_EQ(0, score("linux/386", "linux/amd64"));
}

}  // namespace
}  // namespace strake::oci
