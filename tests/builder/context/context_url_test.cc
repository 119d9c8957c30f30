#include "builder/context/context_url.h"

#include <gtest/gtest.h>

#include "tests/support/expect_result.h"

namespace strake::builder::context {
namespace {

using ::strake::testing::FailsWith;

TEST(ContextUrlTest, KnowsEveryKind) {
  EXPECT_EQ(KindOfContext("."), ContextKind::kFolder);
  EXPECT_EQ(KindOfContext("/srv/a.git"), ContextKind::kFolder);
  EXPECT_EQ(KindOfContext("https://h/a.git#v1:sub"), ContextKind::kGit);
  EXPECT_EQ(KindOfContext("https://h/a.git?ref=v1"), ContextKind::kGit);
  EXPECT_EQ(KindOfContext("git@h:a/b"), ContextKind::kGit);
  EXPECT_EQ(KindOfContext("ssh://git@h/a"), ContextKind::kGit);
  EXPECT_EQ(KindOfContext("github.com/a/b#main"), ContextKind::kGit);
  EXPECT_EQ(KindOfContext("https://h/a.tar.gz"), ContextKind::kHttp);
  EXPECT_EQ(KindOfContext("oci://h/a:1"), ContextKind::kArtifact);
  EXPECT_EQ(KindOfContext("docker-image://debian"), ContextKind::kImage);
  EXPECT_EQ(KindOfContext("oci-layout:///srv/l"), ContextKind::kLayout);
}

TEST(ContextUrlTest, CompletesGitHubAddresses) {
  EXPECT_EQ(FullGitUrl("github.com/a/b#main:sub"),
            "https://github.com/a/b.git#main:sub");
  EXPECT_EQ(FullGitUrl("github.com/a/b.git"), "https://github.com/a/b.git");
  EXPECT_EQ(FullGitUrl("git@h:a/b"), "git@h:a/b");
}

TEST(ContextUrlTest, ReadsLayouts) {
  auto layout = ParseLayoutContext("oci-layout:///a:b/c:tag");
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->folder, "/a:b/c");
  EXPECT_EQ(layout->tag, "tag");
  std::string digest = "sha256:" + std::string(64, 'a');
  layout = ParseLayoutContext("oci-layout://rel/a:b/c@" + digest);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->folder, "rel/a:b/c");
  EXPECT_EQ(layout->digest->ToString(), digest);
  EXPECT_TRUE(FailsWith(ParseLayoutContext("oci-layout://"),
                        ErrorCode::kInvalidArgument, "FOLDER"));
}

}  // namespace
}  // namespace strake::builder::context
