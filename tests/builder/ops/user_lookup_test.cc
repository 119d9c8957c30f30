#include "builder/ops/user_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"

namespace strake::builder::ops {
namespace {

using ::strake::testing::FailsWith;
using ::strake::testing::IsOk;
using ::strake::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class UserLookupTest : public ::testing::Test {
 protected:
  UserLookupTest() {
    root_.Write("etc/passwd",
                "root:x:0:0:root:/root:/bin/sh\n"
                "bob:x:1001:100:Bob:/home/bob:/bin/sh\n"
                "\n"
                "1001:x:7:8:odd:/odd:/bin/sh\n"
                "late:x:7:9:late:/late:/bin/sh\n"
                "broken:x:zzz\n");
    root_.Write("etc/group",
                "root:x:0:\n"
                "users:x:100:\n"
                "wheel:x:10:alice,bob\n"
                "crew:x:20:bob\n"
                "odd:x:30:1001\n");
  }

  ResolvedUser Resolve(const std::string& user) {
    auto resolved = ResolveUser(root_.fd(), user);
    EXPECT_TRUE(IsOk(resolved)) << user;
    return resolved ? *resolved : ResolvedUser();
  }

  std::string Chown(const std::string& text) {
    auto target = ResolveChown(root_.fd(), text);
    if (!target) return target.error().message();
    std::string ids = std::to_string(target->owner.uid) + ":" +
                      std::to_string(target->owner.gid);
    return target->unknown.empty() ? ids : ids + " no " + target->unknown;
  }

  TempDir root_;
};

TEST_F(UserLookupTest, EmptyIsRoot) {
  ResolvedUser user = Resolve("");
  EXPECT_EQ(user.uid, 0u);
  EXPECT_EQ(user.gid, 0u);
  EXPECT_EQ(user.home, "/root");
}

TEST_F(UserLookupTest, NameBringsItsGroups) {
  ResolvedUser user = Resolve("bob");
  EXPECT_EQ(user.uid, 1001u);
  EXPECT_EQ(user.gid, 100u);
  EXPECT_THAT(user.supplementary_gids, ElementsAre(10u, 20u));
  EXPECT_EQ(user.home, "/home/bob");
}

TEST_F(UserLookupTest, ExplicitGroupIsTheOnlyOne) {
  ResolvedUser user = Resolve("bob:crew");
  EXPECT_EQ(user.uid, 1001u);
  EXPECT_EQ(user.gid, 20u);
  EXPECT_THAT(user.supplementary_gids, IsEmpty());
  EXPECT_EQ(Resolve("bob:4711").gid, 4711u);
}

TEST_F(UserLookupTest, TwoNumbersAreTakenAsTheyAre) {
  ResolvedUser user = Resolve("1001:4711");
  EXPECT_EQ(user.uid, 1001u);
  EXPECT_EQ(user.gid, 4711u);
  EXPECT_THAT(user.supplementary_gids, IsEmpty());
  EXPECT_EQ(user.home, "/home/bob");
}

TEST_F(UserLookupTest, FirstEntryWithNameOrNumberWins) {
  ResolvedUser user = Resolve("1001");
  EXPECT_EQ(user.uid, 1001u);
  EXPECT_THAT(user.supplementary_gids, ElementsAre(10u, 20u));
}

TEST_F(UserLookupTest, UnknownNumberGetsGroupZero) {
  ResolvedUser user = Resolve("4000");
  EXPECT_EQ(user.uid, 4000u);
  EXPECT_EQ(user.gid, 0u);
  EXPECT_EQ(user.home, "/");
}

TEST_F(UserLookupTest, UnknownNamesFail) {
  EXPECT_TRUE(FailsWith(ResolveUser(root_.fd(), "eve"), ErrorCode::kNotFound,
                        "unable to find user eve"));
  EXPECT_TRUE(FailsWith(ResolveUser(root_.fd(), "bob:eves"),
                        ErrorCode::kNotFound, "unable to find group eves"));
}

TEST_F(UserLookupTest, NumbersHave31Bits) {
  EXPECT_EQ(Resolve("2147483647").uid, 2147483647u);
  for (const char* user : {"2147483648", "-1", "1:2147483648"}) {
    EXPECT_TRUE(
        FailsWith(ResolveUser(root_.fd(), user), ErrorCode::kInvalidArgument))
        << user;
  }
}

TEST_F(UserLookupTest, WorksWithoutFiles) {
  TempDir empty;
  auto user = ResolveUser(empty.fd(), "5");
  ASSERT_TRUE(IsOk(user));
  EXPECT_EQ(user->uid, 5u);
  EXPECT_TRUE(IsOk(ResolveUser(empty.fd(), "")));
  EXPECT_TRUE(FailsWith(ResolveUser(empty.fd(), "bob"), ErrorCode::kNotFound));
}

TEST_F(UserLookupTest, ChownRules) {
  EXPECT_EQ(Chown("5"), "5:5");
  EXPECT_EQ(Chown("5:6"), "5:6");
  EXPECT_EQ(Chown("bob"), "1001:100");
  EXPECT_EQ(Chown("bob:crew"), "1001:20");
  EXPECT_EQ(Chown("bob:7"), "1001:7");
  EXPECT_EQ(Chown("5:crew"), "5:20");
  EXPECT_EQ(Chown("root"), "0:0");
  EXPECT_EQ(Chown("root:root"), "0:0");
  EXPECT_EQ(Chown("1001"), "1001:1001");
  EXPECT_EQ(Chown("broken"), "0:0");
}

TEST_F(UserLookupTest, ChownTakesUnknownNamesForZero) {
  EXPECT_EQ(Chown("eve"), "0:0 no eve");
  EXPECT_EQ(Chown("bob:eves"), "1001:100 no eves");
  EXPECT_EQ(Chown("99999999999"), "0:0 no 99999999999");
}

TEST_F(UserLookupTest, ChownTakesNegativeNumbers) {
  EXPECT_EQ(Chown("-2:-3"), "4294967294:4294967293");
  EXPECT_EQ(Chown("-1"), "0:0");
}

TEST_F(UserLookupTest, LinksStayInside) {
  TempDir root;
  root.Write("real", "bob:x:3:4::/:\n");
  root.MakeDir("etc");
  root.Symlink("/../../real", "etc/passwd");
  EXPECT_EQ(ResolveChown(root.fd(), "bob")->owner.uid, 3u);
}

TEST_F(UserLookupTest, SpecialAndHugeFilesAreErrors) {
  TempDir root;
  root.MakeDir("etc");
  ASSERT_EQ(::mkfifo(root.path("etc/passwd").c_str(), 0600), 0);
  EXPECT_TRUE(FailsWith(ResolveChown(root.fd(), "bob"),
                        ErrorCode::kInvalidArgument, "regular file"));
  TempDir huge;
  huge.Write("etc/passwd", std::string((size_t{10} << 20) + 1, '\n'));
  EXPECT_TRUE(FailsWith(ResolveUser(huge.fd(), "bob"),
                        ErrorCode::kInvalidArgument, "/etc/passwd"));
}

}  // namespace
}  // namespace strake::builder::ops
