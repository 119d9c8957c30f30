#include "cli/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strake::cli {
namespace {

using testing::HasSubstr;

TEST(StoreDirectoryTest, FollowsTheDocumentedOrder) {
  Environment environment;
  environment.user_id = 0;
  environment.home = "/root";
  EXPECT_EQ(StoreDirectory(environment).value(), "/var/lib/strake");
  environment.user_id = 1000;
  environment.home = "/home/a";
  EXPECT_EQ(StoreDirectory(environment).value(), "/home/a/.local/share/strake");
  environment.variables["XDG_DATA_HOME"] = "/data";
  EXPECT_EQ(StoreDirectory(environment).value(), "/data/strake");
  environment.variables["STRAKE_HOME"] = "/here";
  EXPECT_EQ(StoreDirectory(environment).value(), "/here");
}

TEST(StoreDirectoryTest, IgnoresEmptyAndRelativeVariables) {
  Environment environment;
  environment.user_id = 1000;
  environment.home = "/home/a";
  environment.variables["STRAKE_HOME"] = "";
  environment.variables["XDG_DATA_HOME"] = "data";
  EXPECT_EQ(StoreDirectory(environment).value(), "/home/a/.local/share/strake");
}

TEST(StoreDirectoryTest, SaysWhatToSetWhereThereIsNoHome) {
  Environment environment;
  environment.user_id = 1000;
  EXPECT_THAT(StoreDirectory(environment).error().message(),
              HasSubstr("set STRAKE_HOME"));
}

TEST(DockerConfigPathTest, FollowsTheDocumentedOrder) {
  Environment environment;
  environment.home = "/home/a";
  EXPECT_EQ(DockerConfigPath(environment).value(),
            "/home/a/.docker/config.json");
  environment.variables["DOCKER_CONFIG"] = "/cfg";
  EXPECT_EQ(DockerConfigPath(environment).value(), "/cfg/config.json");
  environment.variables["REGISTRY_AUTH_FILE"] = "/auth.json";
  EXPECT_EQ(DockerConfigPath(environment).value(), "/auth.json");
}

TEST(SourceDateEpochTest, IsANumberOrAnError) {
  Environment environment;
  EXPECT_EQ(SourceDateEpoch(environment).value(), std::nullopt);
  environment.variables["SOURCE_DATE_EPOCH"] = "1700000000";
  EXPECT_EQ(SourceDateEpoch(environment).value(), 1700000000);
  environment.variables["SOURCE_DATE_EPOCH"] = "yesterday";
  EXPECT_THAT(SourceDateEpoch(environment).error().message(),
              HasSubstr("SOURCE_DATE_EPOCH=yesterday"));
}

TEST(RegistryOptionsTest, TakesProxiesInEitherCaseLowerFirst) {
  Environment environment;
  environment.variables["HTTP_PROXY"] = "http://upper";
  environment.variables["http_proxy"] = "http://lower";
  environment.variables["HTTPS_PROXY"] = "http://secure";
  environment.variables["no_proxy"] = "localhost";
  auto options = RegistryOptions(environment, {"a:1"}).value();
  EXPECT_EQ(options.proxy.http, "http://lower");
  EXPECT_EQ(options.proxy.https, "http://secure");
  EXPECT_EQ(options.proxy.no_proxy, "localhost");
  EXPECT_THAT(options.insecure_registries, testing::ElementsAre("a:1"));
}

}  // namespace
}  // namespace strake::cli
