#include "builder/context/copy_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "builder/context/build_context.h"
#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_tree.h"

namespace strake::builder::context {
namespace {

using ::strake::testing::FailsWith;
using ::strake::testing::IsOk;
using ::strake::testing::MakeTree;
using ::strake::testing::TempDir;
using ::testing::ElementsAre;

class CopyWalkTest : public ::testing::Test {
 protected:
  void Make(std::string_view tree) {
    MakeTree(folder_.path(), tree);
    auto context = OpenLocalContext(folder_.path());
    ASSERT_TRUE(IsOk(context));
    context_ = *std::move(context);
  }

  // What is visited: "path", "path/" of directories, "(path/)" of mere parents,
  // "<path" when a directory is left.
  std::vector<std::string> Walk(const std::string& pattern,
                                const std::vector<std::string>& excludes = {},
                                std::optional<std::string> include = {}) {
    std::vector<std::string> seen;
    auto filter = CopyFilter::Make(excludes, include);
    auto matches = MatchSources(context_.tree(), pattern);
    EXPECT_TRUE(IsOk(filter));
    EXPECT_TRUE(IsOk(matches));
    if (!filter || !matches) return seen;
    auto visit = [&](const CopyEntry& entry) -> Status {
      std::string text(entry.path);
      if (entry.file.IsDirectory()) text += "/";
      seen.push_back(entry.only_parent ? "(" + text + ")" : text);
      return {};
    };
    auto after = [&](const CopyEntry& entry) -> Status {
      seen.push_back("<" + std::string(entry.path));
      return {};
    };
    for (const CopyMatch& match : *matches) {
      auto stats = WalkCopy(context_.tree(), match, *filter, visit, after, {});
      EXPECT_TRUE(IsOk(stats));
      if (stats) stats_ = *stats;
    }
    return seen;
  }

  TempDir folder_;
  BuildContext context_;
  CopyWalkStats stats_;
};

TEST_F(CopyWalkTest, VisitsInPathOrder) {
  Make("a.txt \"\"\na/b \"\"\na/c/d \"\"\nb -> a");
  EXPECT_THAT(Walk(""), ElementsAre("/", "a/", "a/b", "a/c/", "a/c/d", "<a/c",
                                    "<a", "a.txt", "b", "<"));
}

TEST_F(CopyWalkTest, VisitsASingleFile) {
  Make("d/f \"\"");
  EXPECT_THAT(Walk("d/f"), ElementsAre(""));
}

TEST_F(CopyWalkTest, ExcludedFoldersWithoutExceptionsAreNotEntered) {
  Make(
      ".dockerignore \"node_modules\\nbuild\\n!src/x\\n\"\n"
      "node_modules/a/b/c \"\"\nbuild/d/e \"\"\nsrc/x \"\"");
  EXPECT_THAT(Walk(""),
              ElementsAre("/", ".dockerignore", "src/", "src/x", "<src", "<"));
  // The root and src.
  EXPECT_EQ(stats_.directories, 2u);
  EXPECT_EQ(stats_.entries, 5u);
}

TEST_F(CopyWalkTest, FoldersThatAnExceptionReachesAreEntered) {
  Make(
      ".dockerignore \"*\\n!a/b/keep\\n\"\n"
      "a/b/keep \"\"\na/b/drop \"\"\na/c/x \"\"\nz/y \"\"");
  EXPECT_THAT(Walk(""),
              ElementsAre("/", "a/", "a/b/", "a/b/keep", "<a/b", "<a", "<"));
  // z and a/c are never listed.
  EXPECT_EQ(stats_.directories, 3u);
}

TEST_F(CopyWalkTest, IgnoredFoldersWithoutContentAreLeftOut) {
  Make(".dockerignore \"*\\n!**/keep\\n\"\na/drop \"\"\nb/keep \"\"");
  EXPECT_THAT(Walk(""), ElementsAre("/", "b/", "b/keep", "<b", "<"));
}

TEST_F(CopyWalkTest, FoldersStayWhenOnlyTheirContentIsIgnored) {
  Make(".dockerignore \"a/*\\n.dockerignore\\n\"\na/drop \"\"");
  EXPECT_THAT(Walk(""), ElementsAre("/", "a/", "<a", "<"));
}

TEST_F(CopyWalkTest, ExcludesMakeMereParents) {
  Make("a/b/keep \"\"\na/b/drop \"\"\na/c \"\"");
  EXPECT_THAT(
      Walk("", {"a", "!a/b/keep"}),
      ElementsAre("/", "(a/)", "(a/b/)", "a/b/keep", "<a/b", "<a", "<"));
}

TEST_F(CopyWalkTest, IncludesReachOnlyWhereTheyCan) {
  Make("a/b/f \"\"\na/c/f \"\"\nd/e/f \"\"");
  EXPECT_THAT(Walk("", {}, "a/b/*"),
              ElementsAre("/", "(a/)", "(a/b/)", "a/b/f", "<a/b", "<a", "<"));
  EXPECT_EQ(stats_.directories, 3u);
}

TEST_F(CopyWalkTest, IncludedFolderThatIsReincludedByIgnoreRulesIsWhole) {
  Make(".dockerignore \"a\\n!a/b\\n\"\na/b \"\"\na/c \"\"");
  EXPECT_THAT(Walk("", {}, "a"), ElementsAre("/", "a/", "a/b", "<a", "<"));
}

TEST_F(CopyWalkTest, IgnoreRulesHoldBelowAMatch) {
  Make(".dockerignore \"s/t/drop\\n\"\ns/t/drop \"\"\ns/t/keep \"\"");
  EXPECT_THAT(Walk("s/t"), ElementsAre("/", "keep", "<"));
}

TEST_F(CopyWalkTest, HiddenFoldersAreNotThere) {
  MakeTree(folder_.path(), "a \"\"\nstore/blob \"\"");
  LocalContextOptions options;
  options.hidden_paths = {folder_.path("store"), folder_.path("missing")};
  auto context = OpenLocalContext(folder_.path(), options);
  ASSERT_TRUE(IsOk(context));
  context_ = *std::move(context);
  EXPECT_THAT(Walk(""), ElementsAre("/", "a", "<"));
  EXPECT_TRUE(
      FailsWith(MatchSources(context_.tree(), "store"), ErrorCode::kNotFound));
}

TEST_F(CopyWalkTest, StopIsHonoured) {
  Make("a \"\"");
  auto matches = MatchSources(context_.tree(), "");
  ASSERT_TRUE(IsOk(matches));
  std::stop_source stop;
  stop.request_stop();
  auto nothing = [](const CopyEntry&) { return Status(); };
  EXPECT_TRUE(FailsWith(WalkCopy(context_.tree(), (*matches)[0], {}, nothing,
                                 nothing, stop.get_token()),
                        ErrorCode::kCancelled));
}

TEST(CopiesXattrTest, LeavesOutWhatBelongsToTheMachine) {
  EXPECT_TRUE(CopiesXattr("user.x"));
  EXPECT_TRUE(CopiesXattr("security.capability"));
  EXPECT_TRUE(CopiesXattr("trusted.x"));
  EXPECT_FALSE(CopiesXattr("security.selinux"));
  EXPECT_FALSE(CopiesXattr("system.posix_acl_access"));
  EXPECT_FALSE(CopiesXattr("trusted.overlay.opaque"));
  EXPECT_FALSE(CopiesXattr("user.overlay.opaque"));
}

}  // namespace
}  // namespace strake::builder::context
