#include "builder/plan/build_args.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace strake::builder::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(VariableScopeTest, KeepsThePlaceOfAVariableThatIsSetAgain) {
  VariableScope scope;
  scope.Set("A", "1");
  scope.Set("B", "2");
  scope.Set("A", "3");
  EXPECT_THAT(scope.env(), ElementsAre("A=3", "B=2"));
  EXPECT_THAT(scope.Names(), ElementsAre("A", "B"));
}

TEST(VariableScopeTest, TellsEmptyFromUnset) {
  VariableScope scope;
  scope.Set("EMPTY", "");
  EXPECT_EQ(scope.Find("EMPTY"), "");
  EXPECT_EQ(scope.Find("UNSET"), std::nullopt);
  EXPECT_EQ(scope.Find("EMPT"), std::nullopt);
}

TEST(VariableScopeTest, TellsNamesApartByCase) {
  VariableScope scope;
  scope.Set("name", "lower");
  EXPECT_EQ(scope.Find("NAME"), std::nullopt);
}

TEST(VariableScopeTest, AllowsEqualsSignsInValues) {
  VariableScope scope;
  scope.Set("FLAGS", "-Da=b");
  EXPECT_EQ(scope.Find("FLAGS"), "-Da=b");
}

TEST(BuildArgsTest, TakesTheLastOfEqualNames) {
  BuildArgs args(Pairs{{"V", "1"}, {"W", "2"}, {"V", "3"}});
  EXPECT_EQ(args.Find("V"), "3");
  EXPECT_EQ(args.Find("W"), "2");
}

TEST(BuildArgsTest, GivesEachProxyInBothCases) {
  BuildArgs args(
      Pairs{{"http_proxy", "http://p:1"}, {"NO_PROXY", "localhost"}});
  EXPECT_THAT(args.ProxyEnv(),
              ElementsAre("HTTP_PROXY=http://p:1", "http_proxy=http://p:1",
                          "NO_PROXY=localhost", "no_proxy=localhost"));
}

TEST(BuildArgsTest, HasNoProxyUnlessGiven) {
  EXPECT_THAT(BuildArgs(Pairs{{"OTHER", "x"}}).ProxyEnv(), IsEmpty());
}

TEST(BuildArgsTest, KnowsThePredefinedOnes) {
  for (const char* name :
       {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",
        "ftp_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"}) {
    EXPECT_TRUE(IsPredefinedArg(name)) << name;
  }
  for (const char* name : {"Http_Proxy", "PROXY", "", "TARGETARCH"}) {
    EXPECT_FALSE(IsPredefinedArg(name)) << name;
  }
}

TEST(PlatformArgsTest, DescribesBothPlatforms) {
  VariableScope scope = PlatformArgs({"linux", "arm", "v7", "", {}},
                                     {"linux", "amd64", "", "", {}}, "", {});
  EXPECT_EQ(scope.Find("TARGETPLATFORM"), "linux/arm/v7");
  EXPECT_EQ(scope.Find("TARGETOS"), "linux");
  EXPECT_EQ(scope.Find("TARGETARCH"), "arm");
  EXPECT_EQ(scope.Find("TARGETVARIANT"), "v7");
  EXPECT_EQ(scope.Find("TARGETOSVERSION"), "");
  EXPECT_EQ(scope.Find("BUILDPLATFORM"), "linux/amd64");
  EXPECT_EQ(scope.Find("BUILDOS"), "linux");
  EXPECT_EQ(scope.Find("BUILDARCH"), "amd64");
  EXPECT_EQ(scope.Find("BUILDVARIANT"), "");
  EXPECT_EQ(scope.Find("BUILDOSVERSION"), "");
}

TEST(PlatformArgsTest, CallsANamelessTargetDefault) {
  oci::Platform platform{"linux", "amd64", "", "", {}};
  EXPECT_EQ(PlatformArgs(platform, platform, "", {}).Find("TARGETSTAGE"),
            "default");
  EXPECT_EQ(PlatformArgs(platform, platform, "app", {}).Find("TARGETSTAGE"),
            "app");
}

TEST(PlatformArgsTest, YieldsToBuildArgumentsOfTheirNames) {
  oci::Platform platform{"linux", "amd64", "", "", {}};
  BuildArgs args(Pairs{{"TARGETARCH", "z80"}, {"OTHER", "x"}});
  VariableScope scope = PlatformArgs(platform, platform, "", args);
  EXPECT_EQ(scope.Find("TARGETARCH"), "z80");
  EXPECT_EQ(scope.Find("OTHER"), std::nullopt);
}

}  // namespace
}  // namespace strake::builder::plan
