#include "builder/ops/make_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_tree.h"

namespace strake::builder::ops {
namespace {

using ::strake::testing::DescribeTree;
using ::strake::testing::FailsWith;
using ::strake::testing::IsOk;
using ::strake::testing::MakeTree;
using ::strake::testing::TempDir;
using ::testing::ElementsAre;

class MakeDirTest : public ::testing::Test {
 protected:
  Result<MakeDirSummary> Run(const std::string& path, const std::string& user) {
    WriteTarget target;
    target.root = root_.fd();
    return ExecuteMakeDir({.path = path, .user = user}, target, epoch_);
  }
  std::string Tree() { return DescribeTree(root_.path()); }

  TempDir root_;
  std::optional<std::chrono::nanoseconds> epoch_;
};

TEST_F(MakeDirTest, MadeParentsBelongToTheUser) {
  auto made = Run("/work/dir", "1000:1001");
  ASSERT_TRUE(IsOk(made));
  EXPECT_THAT(made->made, ElementsAre("work", "work/dir"));
  EXPECT_EQ(Tree(), "work/ 1000:1001\nwork/dir/ 1000:1001\n");
}

TEST_F(MakeDirTest, NumberGivesItsGroup) {
  ASSERT_TRUE(IsOk(Run("/w", "9999")));
  EXPECT_EQ(Tree(), "w/ 9999:9999\n");
}

TEST_F(MakeDirTest, ExistingStaysAsItIs) {
  MakeTree(root_.path(), "a/ 0700 1:2");
  auto made = Run("/a", "5");
  ASSERT_TRUE(IsOk(made));
  EXPECT_TRUE(made->made.empty());
  ASSERT_TRUE(IsOk(Run("/a/b", "5")));
  EXPECT_EQ(Tree(), "a/ 0700 1:2\na/b/ 5:5\n");
}

TEST_F(MakeDirTest, LinksResolveInside) {
  MakeTree(root_.path(), "l -> /../real/sub");
  ASSERT_TRUE(IsOk(Run("/l/x", "")));
  EXPECT_EQ(Tree(), "l -> /../real/sub\nreal/\nreal/sub/\nreal/sub/x/\n");
}

TEST_F(MakeDirTest, FileInTheWay) {
  MakeTree(root_.path(), "f \"x\"");
  EXPECT_TRUE(FailsWith(Run("/f/d", ""), ErrorCode::kInvalidArgument,
                        "/f is not a directory"));
}

TEST_F(MakeDirTest, EpochIsItsTime) {
  epoch_ = std::chrono::seconds(3);
  ASSERT_TRUE(IsOk(Run("/a/b", "")));
  EXPECT_EQ(DescribeTree(root_.path(), {.times = true}),
            "a/ @3.000000000\na/b/ @3.000000000\n");
}

TEST_F(MakeDirTest, UnknownUserIsRootWithAWarning) {
  auto made = Run("/a", "bob");
  ASSERT_TRUE(IsOk(made));
  EXPECT_EQ(Tree(), "a/\n");
  EXPECT_EQ(made->warnings.size(), 1u);
}

}  // namespace
}  // namespace strake::builder::ops
