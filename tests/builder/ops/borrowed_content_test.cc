#include "builder/ops/borrowed_content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "builder/ops/copy_op.h"
#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"
#include "util/byte_stream.h"

namespace strake::builder::ops {
namespace {

using ::strake::testing::FailsWith;
using ::strake::testing::IsOk;
using ::strake::testing::TempDir;
using ::testing::HasSubstr;

class BorrowedContentTest : public ::testing::Test {
 protected:
  void Copy(const std::vector<std::string>& sources,
            const std::string& destination) {
    plan::CopyOp op;
    for (const std::string& pattern : sources) {
      op.sources.emplace_back();
      op.sources.back().pattern = pattern;
    }
    op.destination = destination;
    context::SourceTree tree;
    tree.root = context_.fd();
    context::CopyInputs inputs;
    inputs.contexts[""] = tree;
    WriteTarget target;
    target.root = target_.fd();
    CopyEnvironment environment;
    environment.borrowed = &borrowed_;
    ASSERT_TRUE(IsOk(ExecuteCopy(op, inputs, target, environment)));
  }

  // What the layer would have at `path`.
  std::string ContentOf(const std::string& path) {
    auto opened = borrowed_.Open(path);
    if (!opened) return "failed: " + opened.error().message();
    if (!*opened) return "in the tree: " + target_.Read(path);
    std::string content(100, '\0');
    ssize_t size = ::read(opened->get(), content.data(), content.size());
    content.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
    return content;
  }

  TempDir context_;
  TempDir target_;
  BorrowedContent borrowed_;
};

TEST_F(BorrowedContentTest, StaysWhereItIs) {
  context_.Write("d/a", "content of a");
  context_.Write("d/e/b", "of b");
  Copy({"d"}, "/x");
  EXPECT_EQ(target_.Read("x/a"), std::string(12, '\0'));
  struct stat made;
  ASSERT_EQ(::stat(target_.path("x/a").c_str(), &made), 0);
  EXPECT_EQ(made.st_blocks, 0);
  EXPECT_TRUE(FailsWith(borrowed_.CheckAllOpened(), ErrorCode::kInternal));
  EXPECT_EQ(ContentOf("x/a"), "content of a");
  EXPECT_EQ(ContentOf("x/e/b"), "of b");
  EXPECT_TRUE(IsOk(borrowed_.CheckAllOpened()));
  EXPECT_FALSE(borrowed_.changed());
}

TEST_F(BorrowedContentTest, IsCopiedWhereItMayBeReadOrHasOtherNames) {
  context_.Write("etc/passwd", "root:x:0:0");
  context_.Write("one", "linked");
  ASSERT_EQ(::link(context_.path("one").c_str(), context_.path("two").c_str()),
            0);
  context_.Write("empty", "");
  Copy({"."}, "/");
  EXPECT_EQ(ContentOf("etc/passwd"), "in the tree: root:x:0:0");
  EXPECT_EQ(ContentOf("one"), "in the tree: linked");
  EXPECT_EQ(ContentOf("two"), "in the tree: linked");
  EXPECT_EQ(ContentOf("empty"), "in the tree: ");
  EXPECT_TRUE(IsOk(borrowed_.CheckAllOpened()));
}

TEST_F(BorrowedContentTest, ALaterSourceTakesThePlace) {
  context_.Write("first/f", "first");
  context_.Write("second/f", "the second");
  context_.Write("first/g", "gone");
  context_.Symlink("f", "second/g");
  Copy({"first", "second"}, "/x/");
  EXPECT_EQ(ContentOf("x/f"), "the second");
  EXPECT_TRUE(IsOk(borrowed_.CheckAllOpened()));
}

TEST_F(BorrowedContentTest, SeesThatASourceChanged) {
  context_.Write("log", "one line");
  Copy({"log"}, "/log");
  context_.Write("log", "one line, and another");
  EXPECT_EQ(ContentOf("log"), "one line, and another");
  EXPECT_TRUE(borrowed_.changed());
  context_.Write("log", "one");
  EXPECT_THAT(ContentOf("log"), HasSubstr("/log became shorter"));
}

}  // namespace
}  // namespace strake::builder::ops
