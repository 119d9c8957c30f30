#include "cli/value_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "util/unique_fd.h"

namespace strake::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using Pair = std::pair<std::string, std::string>;

Environment With(std::map<std::string, std::string, std::less<>> variables) {
  Environment environment;
  environment.variables = std::move(variables);
  return environment;
}

template <typename T>
std::string Message(const Result<T>& result) {
  return result ? "no error" : result.error().message();
}

TEST(BuildArgTest, TakesTheValueFromTheEnvironmentWhereNoneIsGiven) {
  Environment environment = With({{"A", "from env"}, {"EMPTY", ""}});
  EXPECT_EQ(ParseBuildArg("A=1=2", environment).value(), Pair("A", "1=2"));
  EXPECT_EQ(ParseBuildArg("A=", environment).value(), Pair("A", ""));
  EXPECT_EQ(ParseBuildArg("A", environment).value(), Pair("A", "from env"));
  EXPECT_EQ(ParseBuildArg("EMPTY", environment).value(), Pair("EMPTY", ""));
  EXPECT_EQ(ParseBuildArg("UNSET", environment).value(), std::nullopt);
  EXPECT_THAT(Message(ParseBuildArg("=x", environment)),
              HasSubstr("--build-arg \"=x\""));
}

TEST(LabelTest, AMissingValueIsEmpty) {
  EXPECT_EQ(ParseLabel("a=b").value(), Pair("a", "b"));
  EXPECT_EQ(ParseLabel("a").value(), Pair("a", ""));
  EXPECT_FALSE(ParseLabel("=b"));
}

TEST(ExtraHostTest, ReadsBothSeparatorsAndIpv6) {
  EXPECT_EQ(ParseExtraHost("db:10.0.0.1").value(), Pair("db", "10.0.0.1"));
  EXPECT_EQ(ParseExtraHost("db=10.0.0.1").value(), Pair("db", "10.0.0.1"));
  EXPECT_EQ(ParseExtraHost("db:::1").value(), Pair("db", "::1"));
  EXPECT_EQ(ParseExtraHost("db=[fe80::1]").value(), Pair("db", "fe80::1"));
}

TEST(ExtraHostTest, RefusesWhatIsNoAddress) {
  EXPECT_THAT(Message(ParseExtraHost("db:10.0.0.256")),
              HasSubstr("\"10.0.0.256\" is not an IP address"));
  EXPECT_THAT(Message(ParseExtraHost("db")), HasSubstr("NAME:ADDRESS"));
  EXPECT_THAT(Message(ParseExtraHost(":1.2.3.4")), HasSubstr("NAME:ADDRESS"));
  EXPECT_EQ(ParseExtraHost("db:host-gateway").error().code(),
            ErrorCode::kUnsupported);
}

TEST(SecretTest, ReadsFileAndEnvironmentForms) {
  Environment environment = With({{"TOKEN", "x"}});
  auto file = ParseSecret("id=key,src=/k", environment).value();
  EXPECT_EQ(file.id, "key");
  EXPECT_EQ(file.file, "/k");
  auto variable = ParseSecret("id=key,env=TOKEN", environment).value();
  EXPECT_EQ(variable.variable, "TOKEN");
  // An ID alone: the variable of that name, else the file.
  EXPECT_EQ(ParseSecret("id=TOKEN", environment)->variable, "TOKEN");
  EXPECT_EQ(ParseSecret("id=key", environment)->file, "key");
  EXPECT_EQ(ParseSecret("type=env,id=key,src=TOKEN", environment)->variable,
            "TOKEN");
  EXPECT_EQ(ParseSecret("type=file,id=TOKEN", environment)->file, "TOKEN");
}

TEST(SecretTest, RefusesWhatItDoesNotUnderstand) {
  Environment environment;
  EXPECT_THAT(Message(ParseSecret("idd=x", environment)),
              HasSubstr("did you mean id?"));
  EXPECT_THAT(Message(ParseSecret("x", environment)), HasSubstr("KEY=VALUE"));
  EXPECT_THAT(Message(ParseSecret("type=vault,id=x", environment)),
              HasSubstr("unknown type"));
  EXPECT_THAT(Message(ParseSecret("id=x,src=a,env=b", environment)),
              HasSubstr("exclude each other"));
  EXPECT_THAT(Message(ParseSecret("type=env", environment)),
              HasSubstr("id= is missing"));
}

TEST(SecretTest, ErrorsNeverHoldTheValue) {
  Environment environment = With({{"BIG", std::string(600 * 1024, 's')}});
  SecretSpec spec;
  spec.id = "big";
  spec.variable = "BIG";
  EXPECT_THAT(Message(LoadSecret(spec, environment)), Not(HasSubstr("sss")));
  spec.variable = "UNSET";
  EXPECT_THAT(Message(LoadSecret(spec, environment)),
              HasSubstr("UNSET is not set"));
}

TEST(SecretTest, ReadsFilesByteForByte) {
  std::string path = testing::TempDir() + "strake_secret";
  std::ofstream(path) << "line\n";
  SecretSpec spec;
  spec.id = "s";
  spec.file = path;
  EXPECT_EQ(LoadSecret(spec, {})->value, "line\n");
  std::filesystem::remove(path);
  EXPECT_THAT(Message(LoadSecret(spec, {})), HasSubstr(path));
}

TEST(SshTest, NeedsTheSocketOfAnAgent) {
  EXPECT_THAT(Message(ParseSsh("default", {})),
              HasSubstr("SSH_AUTH_SOCK is not set"));
  EXPECT_THAT(Message(ParseSsh("k=/etc/passwd", {})), HasSubstr("ssh-add"));

  std::string path = testing::TempDir() + "strake_agent";
  std::filesystem::remove(path);
  UniqueFd socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(socket_fd.get(), reinterpret_cast<sockaddr*>(&address),
                 sizeof address),
            0);
  EXPECT_EQ(ParseSsh("default", With({{"SSH_AUTH_SOCK", path}})).value(),
            Pair("default", path));
  EXPECT_EQ(ParseSsh("k=" + path, {}).value(), Pair("k", path));
  std::filesystem::remove(path);
}

TEST(NamedContextTest, TakesAddressesAndFoldersThatExist) {
  EXPECT_EQ(ParseNamedContext("a=/tmp").value(), Pair("a", "/tmp"));
  EXPECT_EQ(ParseNamedContext("a=docker-image://x").value(),
            Pair("a", "docker-image://x"));
  EXPECT_EQ(ParseNamedContext("a=/no/such").error().code(),
            ErrorCode::kNotFound);
  EXPECT_FALSE(ParseNamedContext("a"));
}

TEST(PlatformFlagTest, TakesOne) {
  EXPECT_EQ(ParseOnePlatform("linux/a,linux/b").error().code(),
            ErrorCode::kInvalidArgument);
}

TEST(PlatformFlagTest, TakesSeveralBetweenCommas) {
  auto several = ParsePlatforms("linux/amd64, linux/arm");
  ASSERT_TRUE(several) << several.error().message();
  ASSERT_EQ(several->size(), 2u);
  EXPECT_EQ((*several)[1].ToString(), "linux/arm/v7");
  EXPECT_FALSE(ParsePlatforms("linux/amd64,,linux/arm64"));
}

TEST(BindTest, MakesTheSourceAbsolute) {
  auto bind = ParseBind("./:/data:ro").value();
  EXPECT_TRUE(bind.source.starts_with('/')) << bind.source;
  EXPECT_EQ(bind.target, "/data");
  EXPECT_TRUE(bind.read_only);
  EXPECT_FALSE(ParseBind("/tmp:/data")->read_only);
  EXPECT_THAT(Message(ParseBind("volume:/data")), HasSubstr("named volumes"));
  EXPECT_THAT(Message(ParseBind("/tmp:data")), HasSubstr("absolute"));
  EXPECT_THAT(Message(ParseBind("/tmp:/d:z")), HasSubstr("\"z\""));
  EXPECT_THAT(Message(ParseBind("/no/such:/d")), HasSubstr("there is no"));
}

TEST(ListenAddressTest, SplitsHostAndPort) {
  EXPECT_EQ(ParseListenAddress("127.0.0.1:0")->host, "127.0.0.1");
  EXPECT_EQ(ParseListenAddress("[::1]:5000")->host, "::1");
  EXPECT_EQ(ParseListenAddress("localhost:5000")->port, 5000);
  for (const char* bad : {"127.0.0.1", ":5000", "::1:5000", "a:65536", "a:x"}) {
    EXPECT_FALSE(ParseListenAddress(bad)) << bad;
  }
}

TEST(CountTest, HasLimits) {
  EXPECT_EQ(ParseCount("--jobs", "4", 8).value(), 4);
  EXPECT_FALSE(ParseCount("--jobs", "-1", 8));
  EXPECT_FALSE(ParseCount("--jobs", "9", 8));
  EXPECT_FALSE(ParseCount("--jobs", "many", 8));
}

}  // namespace
}  // namespace strake::cli
