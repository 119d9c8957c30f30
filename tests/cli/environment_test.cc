#include "cli/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/reference.h"
#include "tests/support/temp_dir.h"

namespace strake::cli {
namespace {

using ::testing::HasSubstr;

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

TEST(LoginFilesTest, AreDockersThenPodmans) {
  Environment environment;
  environment.home = "/home/a";
  EXPECT_THAT(LoginFiles(environment),
              ::testing::ElementsAre("/home/a/.docker/config.json",
                                     "/home/a/.config/containers/auth.json"));
  environment.variables["DOCKER_CONFIG"] = "/cfg";
  environment.variables["XDG_RUNTIME_DIR"] = "/run/user/7";
  environment.variables["XDG_CONFIG_HOME"] = "/conf";
  EXPECT_THAT(LoginFiles(environment),
              ::testing::ElementsAre("/cfg/config.json",
                                     "/run/user/7/containers/auth.json",
                                     "/conf/containers/auth.json"));
  environment.variables["REGISTRY_AUTH_FILE"] = "/auth.json";
  EXPECT_THAT(LoginFiles(environment), ::testing::ElementsAre("/auth.json"));
}

TEST(CertificateFoldersTest, AreTheUsersBeforeTheMachines) {
  Environment environment;
  environment.home = "/home/a";
  EXPECT_THAT(
      CertificateFolders(environment),
      ::testing::ElementsAre("/home/a/.config/containers/certs.d",
                             "/home/a/.docker/certs.d",
                             "/etc/containers/certs.d", "/etc/docker/certs.d"));
}

TEST(RegistryOptionsTest, TakesLoginsFromTheVariableFirst) {
  Environment environment;
  environment.variables["DOCKER_AUTH_CONFIG"] =
      R"({"auths": {"a": {"username": "u", "password": "p"}}})";
  auto options = RegistryOptions(environment, {}).value();
  EXPECT_EQ((*options.credentials.Lookup("a"))->username, "u");
  environment.variables["DOCKER_AUTH_CONFIG"] = "{";
  EXPECT_THAT(RegistryOptions(environment, {}).error().message(),
              HasSubstr("$DOCKER_AUTH_CONFIG"));
}

TEST(RegistryOptionsTest, NamesTheOptionWhoseFileIsWrong) {
  Environment environment;
  RegistryFlags flags;
  flags.client_key_file = "/dev/null";
  EXPECT_THAT(RegistryOptions(environment, flags).error().message(),
              HasSubstr("--client-key goes with --client-cert"));
  flags.client_certificate_file = "/nonexistent/cert";
  EXPECT_THAT(RegistryOptions(environment, flags).error().message(),
              HasSubstr("--client-cert: open /nonexistent/cert"));
  flags.ca_files = {"/proc/self/comm"};
  EXPECT_THAT(RegistryOptions(environment, flags).error().message(),
              HasSubstr("--ca-cert: /proc/self/comm is not in PEM form"));
}

TEST(ReadRegistriesConfigTest, ReadsTheUsersFilesOverTheMachines) {
  strake::testing::TempDir home;
  home.Write("containers/registries.conf",
             "[[registry]]\nlocation = \"a.example\"\nblocked = true\n");
  home.Write("containers/registries.conf.d/1.conf",
             "[[registry]]\nlocation = \"b.example\"\nblocked = true\n");
  home.Write("containers/registries.conf.d/ignored", "[");
  Environment environment;
  environment.variables["XDG_CONFIG_HOME"] = home.path();
  auto config = ReadRegistriesConfig(environment).value();
  EXPECT_FALSE(config.CheckAllowed(*oci::ParseReference("a.example/x")));
  EXPECT_FALSE(config.CheckAllowed(*oci::ParseReference("b.example/x")));
  EXPECT_TRUE(config.CheckAllowed(*oci::ParseReference("c.example/x")));
  home.Write("one", "[[registry]]\nlocation = \"c.example\"\nblocked = true\n");
  environment.variables["CONTAINERS_REGISTRIES_CONF"] = home.path("one");
  config = ReadRegistriesConfig(environment).value();
  EXPECT_TRUE(config.CheckAllowed(*oci::ParseReference("a.example/x")));
  EXPECT_FALSE(config.CheckAllowed(*oci::ParseReference("c.example/x")));
  environment.variables["CONTAINERS_REGISTRIES_CONF"] = home.path("none");
  EXPECT_THAT(ReadRegistriesConfig(environment).error().message(),
              HasSubstr(home.path("none")));
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
  auto options =
      RegistryOptions(environment, {.insecure_registries = {"a:1"}}).value();
  EXPECT_EQ(options.proxy.http, "http://lower");
  EXPECT_EQ(options.proxy.https, "http://secure");
  EXPECT_EQ(options.proxy.no_proxy, "localhost");
  EXPECT_THAT(options.insecure_registries, ::testing::ElementsAre("a:1"));
}

TEST(RegistryOptionsTest, TakesLimitsOfItsOwnFileAndOfTheOption) {
  strake::testing::TempDir home;
  home.Write("strake/registries.toml",
             "[host.\"r.example\"]\nlimit-rate = \"2MB\"\n");
  Environment environment;
  environment.variables["XDG_CONFIG_HOME"] = home.path();
  RegistryFlags flags;
  flags.limit_rate = "5MB";
  auto options = RegistryOptions(environment, flags).value();
  EXPECT_EQ(options.traffic->RateFor("r.example"), 2'000'000u);
  EXPECT_EQ(options.traffic->RateFor("other.example"), 5'000'000u);
  flags.limit_rate = "fast";
  EXPECT_THAT(RegistryOptions(environment, flags).error().message(),
              HasSubstr("--limit-rate=fast: expected a size"));
}

}  // namespace
}  // namespace strake::cli
