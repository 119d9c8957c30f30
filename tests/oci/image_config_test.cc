#include "oci/image_config.h"

#include <gtest/gtest.h>

#include "tests/support/expect_result.h"

namespace strake::oci {
namespace {

using testing::FailsWith;
using testing::IsOk;

TEST(TimestampTest, FormatsAndReadsBack) {
  for (const char* text :
       {"1970-01-01T00:00:00Z", "2024-02-29T23:59:59.5Z",
        "1969-12-31T23:59:59.999999999Z", "2000-01-01T00:00:00.000000001Z",
        "1901-12-13T20:45:52Z", "2261-01-01T00:00:00Z"}) {
    auto time = ParseTimestamp(text);
    ASSERT_TRUE(IsOk(time)) << text;
    EXPECT_EQ(text, FormatTimestamp(*time));
  }
}

TEST(TimestampTest, ReadsEveryFormOfRfc3339) {
  auto normal = [](const char* text) {
    auto time = ParseTimestamp(text);
    return time ? FormatTimestamp(*time) : time.error().message();
  };
  EXPECT_EQ("2024-01-01T10:00:00Z", normal("2024-01-01T12:00:00+02:00"));
  EXPECT_EQ("2024-01-02T01:30:00Z", normal("2024-01-01T20:00:00-05:30"));
  EXPECT_EQ("2024-01-01T12:00:00.123456789Z",
            normal("2024-01-01t12:00:00.1234567891234z"));
  EXPECT_EQ("2017-01-01T00:00:00Z", normal("2016-12-31T23:59:60Z"));
}

TEST(TimestampTest, RefusesWhatIsNone) {
  for (const char* text :
       {"", "2024", "2024-13-01T00:00:00Z", "2023-02-29T00:00:00Z",
        "2024-01-01T24:00:00Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00Zx", "2024-01-01T00:00:00+0200",
        "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "24-01-01T00:00:00Z"}) {
    EXPECT_TRUE(FailsWith(ParseTimestamp(text), ErrorCode::kInvalidArgument))
        << text;
  }
}

ImageConfig Full() {
  ImageConfig config;
  config.platform = *ParsePlatform("linux/arm/v6");
  config.platform.os_version = "1.2";
  config.platform.os_features = {"f"};
  config.author = "me";
  config.created = *ParseTimestamp("2024-01-02T03:04:05.6Z");
  config.user = "1:2";
  config.exposed_ports = {"80/tcp", "53/udp"};
  config.env = {"B=2", "A=1"};
  config.entrypoint = {"e"};
  config.cmd.emplace();
  config.args_escaped = true;
  config.volumes = {"/v"};
  config.working_dir = "/w";
  config.labels = {{"l", "m"}};
  config.stop_signal = "SIGTERM";
  config.healthcheck.emplace();
  config.healthcheck->test = {"CMD-SHELL", "true"};
  config.healthcheck->interval = std::chrono::seconds(30);
  config.healthcheck->retries = 3;
  config.on_build = {"RUN x"};
  config.shell = {"/bin/bash", "-c"};
  config.diff_ids = {Digest::Of("1"), Digest::Of("2")};
  config.history.resize(2);
  config.history[0].created = config.created;
  config.history[0].created_by = "RUN x # buildkit";
  config.history[0].comment = "buildkit.dockerfile.v0";
  config.history[1].empty_layer = true;
  config.history[1].author = "you";
  return config;
}

TEST(ImageConfigTest, ReadsBackWhatItWrites) {
  auto read = ParseImageConfig(SerializeImageConfig(Full()));
  ASSERT_TRUE(IsOk(read));
  EXPECT_EQ(Full(), *read);
  auto empty = ParseImageConfig(SerializeImageConfig({}));
  ASSERT_TRUE(IsOk(empty));
  EXPECT_EQ(ImageConfig(), *empty);
}

TEST(ImageConfigTest, WritesKeysInAlphabeticalOrder) {
  ImageConfig config;
  config.platform = *ParsePlatform("linux/amd64");
  config.cmd = {"sh"};
  config.env = {"A=b"};
  config.diff_ids = {Digest()};
  config.history.resize(1);
  config.history[0].created_by = "x";
  EXPECT_EQ(
      R"({"architecture":"amd64","config":{"Cmd":["sh"],"Env":["A=b"]},)"
      R"("history":[{"created_by":"x"}],"os":"linux","rootfs":{"diff_ids":)"
      R"(["sha256:)" +
          std::string(64, '0') + R"("],"type":"layers"}})",
      SerializeImageConfig(config));
}

TEST(ImageConfigTest, TellsAbsentFromEmpty) {
  auto config = ParseImageConfig(
      R"({"config":{"Cmd":[],"Entrypoint":null},"rootfs":{"type":"layers"}})");
  ASSERT_TRUE(IsOk(config));
  EXPECT_TRUE(config->cmd.has_value());
  EXPECT_TRUE(config->cmd->empty());
  EXPECT_FALSE(config->entrypoint.has_value());
  EXPECT_FALSE(config->shell.has_value());
}

TEST(ImageConfigTest, KeepsWhatItDoesNotKnow) {
  std::string text =
      R"({"architecture":"amd64","config":{"Domainname":"d","Tty":false},)"
      R"("docker_version":"20.10","os":"linux","rootfs":{"diff_ids":[],)"
      R"("type":"layers"},"x":{"y":[1,2.5,null]}})";
  auto config = ParseImageConfig(text);
  ASSERT_TRUE(IsOk(config));
  EXPECT_EQ("\"20.10\"", config->other_members.at("docker_version"));
  EXPECT_EQ(text, SerializeImageConfig(*config));
}

TEST(ImageConfigTest, TakesGosZeroTimeForNone) {
  auto config = ParseImageConfig(R"({"created":"0001-01-01T00:00:00Z"})");
  ASSERT_TRUE(IsOk(config));
  EXPECT_FALSE(config->created.has_value());
}

TEST(ImageConfigTest, SaysWhereTheDocumentIsWrong) {
  struct Case {
    const char* text;
    const char* message;
  };
  for (const Case& c : {
           Case{"3", "expected an image config"},
           Case{R"({"config":[]})", "config: expected an object"},
           Case{R"({"config":{"Env":{}}})", "config.Env"},
           Case{R"({"config":{"Env":[1]}})", "config.Env[0]"},
           Case{R"({"config":{"Volumes":["/x"]}})", "config.Volumes"},
           Case{R"({"created":"yesterday"})", "created"},
           Case{R"({"rootfs":{"type":"layers","diff_ids":["x"]}})",
                "rootfs.diff_ids"},
           Case{R"({"history":[{"created_by":1}]})", "history[0].created_by"},
       }) {
    EXPECT_TRUE(FailsWith(ParseImageConfig(c.text), ErrorCode::kInvalidArgument,
                          c.message))
        << c.text;
  }
  EXPECT_TRUE(FailsWith(ParseImageConfig(R"({"rootfs":{"type":"tree"}})"),
                        ErrorCode::kUnsupported, "tree"));
}

TEST(EnvTest, FindsAndSets) {
  std::vector<std::string> env = {"A=1", "AB=2", "E=", "A=shadowed"};
  EXPECT_EQ("1", FindEnv(env, "A"));
  EXPECT_EQ("2", FindEnv(env, "AB"));
  EXPECT_EQ("", FindEnv(env, "E"));
  EXPECT_EQ(std::nullopt, FindEnv(env, "B"));
  SetEnv(env, "AB", "x=y");
  SetEnv(env, "N", "new");
  EXPECT_EQ(
      (std::vector<std::string>{"A=1", "AB=x=y", "E=", "A=shadowed", "N=new"}),
      env);
}

}  // namespace
}  // namespace strake::oci
