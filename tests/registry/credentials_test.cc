#include "registry/credentials.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using strake::testing::FailsWith;
using strake::testing::IsOk;
using strake::testing::TempDir;

std::optional<Credential> Find(const std::string& config,
                               const std::string& registry) {
  auto credentials = Credentials::ParseDockerConfig(config, "config.json");
  EXPECT_TRUE(IsOk(credentials));
  if (!credentials) return {};
  auto credential = credentials->Lookup(registry);
  EXPECT_TRUE(IsOk(credential));
  return credential ? *credential : std::nullopt;
}

TEST(CredentialsTest, ReadsAuthOfAPlainRegistry) {
  auto found = Find(R"({"auths": {"reg.example:5000": {"auth": ")" +
                        Base64Encode("bob:pa:ss") + R"("}}})",
                    "reg.example:5000");
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (Credential{"bob", "pa:ss", ""}));
}

TEST(CredentialsTest, KnowsDockerHubByItsOldName) {
  std::string config =
      R"({"auths": {"https://index.docker.io/v1/": {"auth": ")" +
      Base64Encode("bob:secret") + R"("}}})";
  ASSERT_TRUE(Find(config, "docker.io"));
  EXPECT_FALSE(Find(config, "quay.io"));
}

TEST(CredentialsTest, ReadsUserAndPasswordAndIdentityToken) {
  EXPECT_EQ(
      Find(R"({"auths": {"a": {"username": "u", "password": "p"}}})", "a"),
      (Credential{"u", "p", ""}));
  EXPECT_EQ(Find(R"({"auths": {"a": {"auth": ")" + Base64Encode("u:") +
                     R"(", "identitytoken": "t"}}})",
                 "a"),
            (Credential{"u", "", "t"}));
}

TEST(CredentialsTest, TakesAnEmptyEntryForNone) {
  EXPECT_FALSE(Find(R"({"auths": {"a": {}}})", "a"));
  EXPECT_FALSE(Find("{}", "a"));
  EXPECT_FALSE(Find("", "a"));
}

TEST(CredentialsTest, NamesTheFileAndPlaceOfAMistakeButNoSecret) {
  std::string secret = Base64Encode("nocolon-secret");
  auto bad = Credentials::ParseDockerConfig(
      R"({"auths": {"a": {"auth": ")" + secret + R"("}}})", "/x/config.json");
  ASSERT_TRUE(FailsWith(bad, ErrorCode::kInvalidArgument, "/x/config.json"));
  EXPECT_EQ(bad.error().message().find(secret), std::string::npos);
  EXPECT_EQ(bad.error().message().find("nocolon-secret"), std::string::npos);
  EXPECT_TRUE(FailsWith(Credentials::ParseDockerConfig("{", "/x/c.json"),
                        ErrorCode::kInvalidArgument, "/x/c.json"));
}

TEST(CredentialsTest, PutsExplicitValuesFirst) {
  auto credentials = Credentials::ParseDockerConfig(
      R"({"auths": {"a": {"username": "u", "password": "p"}}})", "c");
  ASSERT_TRUE(IsOk(credentials));
  credentials->Set("https://a/", {"other", "pw", ""});
  EXPECT_EQ((*credentials->Lookup("a"))->username, "other");
}

TEST(CredentialsTest, FindsNoneInAMissingFile) {
  auto credentials = LoadDockerConfig("/nonexistent/config.json");
  ASSERT_TRUE(IsOk(credentials));
  EXPECT_FALSE(*credentials->Lookup("a"));
}

std::string Login(const std::string& user) {
  return R"({"username": ")" + user + R"(", "password": "p"})";
}

TEST(CredentialsTest, TheLongestEntryForARepositoryWins) {
  auto credentials = Credentials::ParseDockerConfig(
      R"({"auths": {"a": )" + Login("host") + R"(, "a/team": )" +
          Login("team") + R"(, "a/team/app": )" + Login("app") +
          R"(, "https://b/team": )" + Login("address") +
          R"(, "docker.io/library": )" + Login("hub") + "}}",
      "c");
  ASSERT_TRUE(IsOk(credentials));
  auto user = [&](const char* registry, const char* repository) {
    auto found = credentials->Lookup(registry, repository);
    return found && *found ? (*found)->username : "";
  };
  EXPECT_EQ(user("a", ""), "host");
  EXPECT_EQ(user("a", "other/app"), "host");
  EXPECT_EQ(user("a", "team"), "team");
  EXPECT_EQ(user("a", "team/x/y"), "team");
  EXPECT_EQ(user("a", "team/app"), "app");
  EXPECT_EQ(user("a", "team/application"), "team");
  // An address is that of a whole registry.
  EXPECT_EQ(user("b", "other"), "address");
  EXPECT_EQ(user("docker.io", "library/busybox"), "hub");
  EXPECT_EQ(user("docker.io", "someone/app"), "");
  EXPECT_EQ(credentials->ScopeOf("a", "team/x/y"), "a/team");
  EXPECT_EQ(credentials->ScopeOf("a", "other"), "a");
}

TEST(CredentialsTest, AsksTheNextFileWhereOneKnowsNothing) {
  auto first = Credentials::ParseDockerConfig(
      R"({"auths": {"a": )" + Login("first") + "}}", "1");
  auto second =
      Credentials::ParseDockerConfig(R"({"auths": {"a": )" + Login("second") +
                                         R"(, "b": )" + Login("second") + "}}",
                                     "2");
  ASSERT_TRUE(IsOk(first));
  ASSERT_TRUE(IsOk(second));
  first->Append(*second);
  EXPECT_EQ((*first->Lookup("a"))->username, "first");
  EXPECT_EQ((*first->Lookup("b"))->username, "second");
}

// A helper that keeps its secrets in files beside itself.
constexpr const char* kFakeHelper = R"sh(#!/bin/sh
dir=$(dirname "$0")
path_of() { echo "$dir/$(echo "$1" | tr '/:' '__')"; }
case $1 in
get)
  read -r server
  file=$(path_of "$server")
  [ -f "$file" ] || { echo "credentials not found in native keychain"; exit 1; }
  cat "$file" ;;
store)
  input=$(cat)
  server=$(echo "$input" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/')
  echo "$input" > "$(path_of "$server")" ;;
erase)
  read -r server
  rm "$(path_of "$server")" ;;
esac
)sh";

class CredentialHelperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_.Write("docker-credential-fake", kFakeHelper);
    directory_.Write("docker-credential-broken",
                     "#!/bin/sh\necho keychain locked; exit 1\n");
    for (const char* name :
         {"docker-credential-fake", "docker-credential-broken"}) {
      ::chmod(directory_.path(name).c_str(), 0755);
    }
    old_path_ = std::getenv("PATH");
    ::setenv("PATH", (directory_.path() + ":" + old_path_).c_str(), 1);
  }
  void TearDown() override { ::setenv("PATH", old_path_.c_str(), 1); }

  TempDir directory_;
  std::string old_path_;
};

TEST_F(CredentialHelperTest, AsksTheHelperOfTheRegistry) {
  directory_.Write("reg.example",
                   R"({"ServerURL":"x","Username":"bob","Secret":"s"})");
  EXPECT_EQ(Find(R"({"credHelpers": {"reg.example": "fake"}})", "reg.example"),
            (Credential{"bob", "s", ""}));
  EXPECT_FALSE(
      Find(R"({"credHelpers": {"other.example": "fake"}})", "other.example"));
}

TEST_F(CredentialHelperTest, AsksTheStoreForDockerHubByItsOldName) {
  directory_.Write("https___index.docker.io_v1_",
                   R"({"Username":"<token>","Secret":"refresh"})");
  EXPECT_EQ(Find(R"({"credsStore": "fake"})", "docker.io"),
            (Credential{"", "", "refresh"}));
}

TEST_F(CredentialHelperTest, AnEmptyNameIsNoHelper) {
  EXPECT_EQ(Find(R"({"credHelpers": {"a": ""}, "auths": {"a": )" +
                     Login("bob") + "}}",
                 "a")
                ->username,
            "bob");
}

TEST_F(CredentialHelperTest, SaysWhatWentWrong) {
  auto locked = Credentials::ParseDockerConfig(
      R"({"credHelpers": {"a": "broken", "b": "missing", "c": "../x"}})", "c");
  ASSERT_TRUE(IsOk(locked));
  EXPECT_TRUE(FailsWith(locked->Lookup("a"), ErrorCode::kUnauthorized,
                        "docker-credential-broken get for a failed with "
                        "status 1: keychain locked"));
  EXPECT_TRUE(FailsWith(locked->Lookup("b"), ErrorCode::kNotFound,
                        "docker-credential-missing"));
  EXPECT_TRUE(FailsWith(locked->Lookup("c"), ErrorCode::kInvalidArgument));
}

TEST_F(CredentialHelperTest, StoresAndErasesLogins) {
  directory_.Write("config.json", R"({"credsStore": "fake", "other": [1]})");
  std::string path = directory_.path("config.json");
  auto stored = StoreLogin(path, "reg.example", {"bob", "secret", ""});
  ASSERT_TRUE(IsOk(stored));
  EXPECT_EQ(*stored, LoginStorage::kHelper);
  EXPECT_EQ(directory_.Read("config.json").find("secret"), std::string::npos);
  auto credentials = LoadDockerConfig(path);
  ASSERT_TRUE(IsOk(credentials));
  EXPECT_EQ(*credentials->Lookup("reg.example"),
            (Credential{"bob", "secret", ""}));
  auto erased = EraseLogin(path, "reg.example");
  ASSERT_TRUE(IsOk(erased));
  EXPECT_TRUE(*erased);
  EXPECT_FALSE(directory_.Exists("reg.example"));
}

TEST(StoreLoginTest, KeepsTheFilesOtherMembersAndItsMode) {
  TempDir directory;
  directory.Write("config.json",
                  R"({"HttpHeaders": {"a": "b"},
                      "auths": {"x": {"auth": "eDp5"},
                                "https://reg.example/v1/": {"auth": "eDp5"}}})");
  std::string path = directory.path("config.json");
  auto stored = StoreLogin(path, "reg.example", {"bob", "secret", ""});
  ASSERT_TRUE(IsOk(stored));
  EXPECT_EQ(*stored, LoginStorage::kFile);
  auto document = ParseJson(directory.Read("config.json"));
  ASSERT_TRUE(IsOk(document));
  EXPECT_EQ((*document)["HttpHeaders"]["a"], "b");
  EXPECT_EQ((*document)["auths"].size(), 2u);
  EXPECT_EQ((*document)["auths"]["reg.example"]["auth"],
            Base64Encode("bob:secret"));
  struct stat status;
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST(StoreLoginTest, MakesFolderAndFileForTheOwnerOnly) {
  TempDir directory;
  std::string path = directory.path("new/.docker/config.json");
  ASSERT_TRUE(IsOk(StoreLogin(path, "docker.io", {"bob", "secret", ""})));
  struct stat status;
  ASSERT_EQ(::stat(directory.path("new/.docker").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700u);
  EXPECT_NE(directory.Read("new/.docker/config.json")
                .find("https://index.docker.io/v1/"),
            std::string::npos);
  EXPECT_EQ(*LoadDockerConfig(path)->Lookup("docker.io"),
            (Credential{"bob", "secret", ""}));
}

TEST(StoreLoginTest, WritesThroughASymlink) {
  TempDir directory;
  directory.Write("real/config.json", "{}");
  directory.Symlink("real/config.json", "config.json");
  ASSERT_TRUE(
      IsOk(StoreLogin(directory.path("config.json"), "a", {"u", "p", ""})));
  EXPECT_NE(directory.Read("real/config.json").find("auths"),
            std::string::npos);
}

TEST(EraseLoginTest, TellsWhetherThereWasOne) {
  TempDir directory;
  std::string path = directory.path("config.json");
  EXPECT_FALSE(*EraseLogin(path, "a"));
  ASSERT_TRUE(IsOk(StoreLogin(path, "a", {"u", "p", ""})));
  EXPECT_TRUE(*EraseLogin(path, "a"));
  EXPECT_FALSE(*EraseLogin(path, "a"));
  EXPECT_FALSE(*LoadDockerConfig(path)->Lookup("a"));
}

}  // namespace
}  // namespace strake::registry
