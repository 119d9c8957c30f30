#include "registry/htpasswd.h"

#include <gtest/gtest.h>

#include "tests/support/expect_result.h"
#include "tests/support/run_tool.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using strake::testing::FailsWith;
using strake::testing::HaveTool;
using strake::testing::IsOk;
using strake::testing::Sh;

TEST(HtpasswdTest, ChecksWhatApachesToolWrites) {
  if (!HaveTool("htpasswd")) GTEST_SKIP() << "htpasswd is not installed";
  auto users =
      Htpasswd::Parse("# people\n\n" + Sh("htpasswd -Bbn bob 's:1'"), "file");
  ASSERT_TRUE(IsOk(users));
  Htpasswd htpasswd(*users);
  for (int i = 0; i < 2; ++i) {  // the second time from memory
    EXPECT_TRUE(htpasswd.Check("bob", "s:1"));
    EXPECT_FALSE(htpasswd.Check("bob", "s:2"));
    EXPECT_FALSE(htpasswd.Check("bob", ""));
    EXPECT_FALSE(htpasswd.Check("alice", "s:1"));
  }
  EXPECT_TRUE(htpasswd.CheckBasic("Basic " + Base64Encode("bob:s:1")));
  EXPECT_TRUE(htpasswd.CheckBasic("basic  " + Base64Encode("bob:s:1")));
  EXPECT_FALSE(htpasswd.CheckBasic("Basic " + Base64Encode("bob")));
  EXPECT_FALSE(htpasswd.CheckBasic("Bearer " + Base64Encode("bob:s:1")));
  EXPECT_FALSE(htpasswd.CheckBasic("Basic !"));
  EXPECT_FALSE(htpasswd.CheckBasic(""));
}

TEST(HtpasswdTest, NamesTheLineItCannotUse) {
  EXPECT_TRUE(FailsWith(Htpasswd::Parse("a:$2y$05$x\nbob:$apr1$x$y", "file"),
                        ErrorCode::kInvalidArgument, "file:2: the password"));
  EXPECT_TRUE(FailsWith(Htpasswd::Parse("bob", "file"),
                        ErrorCode::kInvalidArgument, "file:1:"));
}

}  // namespace
}  // namespace strake::registry
