// ADD of local archives: when they are unpacked, and where to.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "builder/context/build_context.h"
#include "builder/ops/copy_op.h"
#include "tests/support/expect_result.h"
#include "tests/support/tar_builder.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_tree.h"

namespace strake::builder::ops {
namespace {

using ::strake::testing::DescribeTree;
using ::strake::testing::FailsWith;
using ::strake::testing::IsOk;
using ::strake::testing::MakeTree;
using ::strake::testing::TarBuilder;
using ::strake::testing::TempDir;

class AddArchiveTest : public ::testing::Test {
 protected:
  AddArchiveTest() {
    folder_.Write("a.tar", TarBuilder()
                               .Add({.name = "d/f",
                                     .link = {},
                                     .content = "text",
                                     .uid = 5,
                                     .gid = 6})
                               .Build());
    op_.add = true;
    op_.destination = "/x/";
  }

  Result<CopySummary> Run(const std::vector<std::string>& patterns) {
    auto context = context::OpenLocalContext(folder_.path());
    if (!context) return std::move(context).error();
    context::CopyInputs inputs;
    inputs.contexts[""] = context->tree();
    op_.sources.clear();
    for (const std::string& pattern : patterns) {
      op_.sources.emplace_back();
      op_.sources.back().pattern = pattern;
      op_.sources.back().fetched = fetched_;
    }
    WriteTarget target;
    target.root = target_.fd();
    return ExecuteCopy(op_, inputs, target, environment_);
  }
  std::string Tree() { return DescribeTree(target_.path()); }

  TempDir folder_, target_;
  plan::CopyOp op_;
  CopyEnvironment environment_;
  bool fetched_ = false;
};

constexpr char kUnpacked[] = "x/\nx/d/\nx/d/f 5:6 \"text\"\n";

TEST_F(AddArchiveTest, ArchivesAreUnpacked) {
  auto added = Run({"a.tar"});
  ASSERT_TRUE(IsOk(added));
  EXPECT_EQ(added->content_bytes, 4u);
  EXPECT_EQ(Tree(), kUnpacked);
}

TEST_F(AddArchiveTest, DestinationIsAlwaysADirectory) {
  op_.destination = "/x";
  ASSERT_TRUE(IsOk(Run({"a.tar"})));
  EXPECT_EQ(Tree(), kUnpacked);
}

TEST_F(AddArchiveTest, DestinationLinksAreFollowed) {
  MakeTree(target_.path(), "l -> x");
  op_.destination = "/l";
  ASSERT_TRUE(IsOk(Run({"a.tar"})));
  EXPECT_EQ(Tree(), std::string("l -> x\n") + kUnpacked);
}

TEST_F(AddArchiveTest, FileAsDestination) {
  MakeTree(target_.path(), "x \"file\"");
  EXPECT_TRUE(FailsWith(Run({"a.tar"}), ErrorCode::kInvalidArgument,
                        "/x is not a directory"));
}

TEST_F(AddArchiveTest, WildcardsUnpackEachMatch) {
  folder_.Write("b.tar", TarBuilder().File("g", "other").Build());
  folder_.Write("c.tar", "only called so");
  ASSERT_TRUE(IsOk(Run({"*.tar"})));
  EXPECT_EQ(Tree(),
            "x/\nx/c.tar \"only called so\"\nx/d/\n"
            "x/d/f 5:6 \"text\"\nx/g \"other\"\n");
}

TEST_F(AddArchiveTest, ArchivesInsideDirectoriesAreFiles) {
  folder_.Write("s/in.tar", TarBuilder().File("g").Build());
  ASSERT_TRUE(IsOk(Run({"s"})));
  EXPECT_TRUE(target_.Exists("x/in.tar"));
  EXPECT_FALSE(target_.Exists("x/g"));
}

TEST_F(AddArchiveTest, LinksToArchivesAreUnpacked) {
  folder_.Symlink("a.tar", "l");
  ASSERT_TRUE(IsOk(Run({"l"})));
  EXPECT_EQ(Tree(), kUnpacked);
}

TEST_F(AddArchiveTest, UnpackFlagDecides) {
  op_.unpack = false;
  ASSERT_TRUE(IsOk(Run({"a.tar"})));
  EXPECT_TRUE(target_.Exists("x/a.tar"));
  EXPECT_FALSE(target_.Exists("x/d"));
}

TEST_F(AddArchiveTest, FetchedArchivesNeedTheFlag) {
  fetched_ = true;
  ASSERT_TRUE(IsOk(Run({"a.tar"})));
  EXPECT_TRUE(target_.Exists("x/a.tar"));
  EXPECT_FALSE(target_.Exists("x/d"));
  op_.unpack = true;
  ASSERT_TRUE(IsOk(Run({"a.tar"})));
  EXPECT_TRUE(target_.Exists("x/d/f"));
}

TEST_F(AddArchiveTest, CopyNeverUnpacks) {
  op_.add = false;
  ASSERT_TRUE(IsOk(Run({"a.tar"})));
  EXPECT_TRUE(target_.Exists("x/a.tar"));
}

TEST_F(AddArchiveTest, ChownIsForMembersAndChmodIsNot) {
  op_.chown = "3:4";
  op_.chmod = "0700";
  ASSERT_TRUE(IsOk(Run({"a.tar"})));
  EXPECT_EQ(Tree(), "x/ 3:4\nx/d/\nx/d/f 3:4 \"text\"\n");
}

TEST_F(AddArchiveTest, MembersKeepTheirTimes) {
  environment_.epoch = std::chrono::seconds(5);
  ASSERT_TRUE(IsOk(Run({"a.tar"})));
  std::string tree = DescribeTree(target_.path(), {.times = true});
  EXPECT_THAT(tree, ::testing::HasSubstr("x/ @5.000000000\n"));
  EXPECT_THAT(tree, ::testing::HasSubstr("x/d/f 5:6 @1000000000.000000000"));
}

TEST_F(AddArchiveTest, DamagedArchivesAreNamed) {
  std::string tar = TarBuilder().File("f", std::string(5000, 'x')).Build();
  folder_.Write("bad.tar", tar.substr(0, 2000));
  EXPECT_TRUE(FailsWith(Run({"bad.tar"}), ErrorCode::kCorrupt,
                        "unpack /bad.tar: damaged archive at f"));
}

}  // namespace
}  // namespace strake::builder::ops
