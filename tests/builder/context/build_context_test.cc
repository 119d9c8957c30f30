#include "builder/context/build_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/expect_result.h"
#include "tests/support/tar_builder.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_tree.h"

namespace strake::builder::context {
namespace {

using ::strake::testing::DescribeTree;
using ::strake::testing::FailsWith;
using ::strake::testing::IsOk;
using ::strake::testing::MakeTree;
using ::strake::testing::TarBuilder;
using ::strake::testing::TempDir;

std::string IgnoreFileOf(const TempDir& folder,
                         const std::string& dockerfile_path) {
  LocalContextOptions options;
  options.dockerfile_path = dockerfile_path;
  auto context = OpenLocalContext(folder.path(), options);
  if (!context) return context.error().message();
  if (context->ignore() == nullptr) return "none";
  std::string text = context->ignore()->file;
  for (const std::string& pattern : context->ignore()->matcher.patterns()) {
    text += " " + pattern;
  }
  return text;
}

TEST(BuildContextTest, FirstIgnoreFileWinsEntirely) {
  TempDir folder;
  std::string dockerfile = folder.path("build/app.Dockerfile");
  folder.MakeDir("build");
  EXPECT_EQ(IgnoreFileOf(folder, dockerfile), "none");
  folder.Write(".dockerignore", "a\n");
  EXPECT_EQ(IgnoreFileOf(folder, dockerfile), ".dockerignore a");
  folder.Write(".containerignore", "b\n");
  EXPECT_EQ(IgnoreFileOf(folder, dockerfile), ".containerignore b");
  folder.Write("build/app.Dockerfile.dockerignore", "c\n");
  EXPECT_EQ(IgnoreFileOf(folder, dockerfile), "app.Dockerfile.dockerignore c");
  EXPECT_EQ(IgnoreFileOf(folder, ""), ".containerignore b");
}

TEST(BuildContextTest, BadPatternsNameTheirLine) {
  TempDir folder;
  folder.Write(".dockerignore", "# x\n\nfine\n!\n");
  EXPECT_TRUE(FailsWith(OpenLocalContext(folder.path()),
                        ErrorCode::kInvalidArgument, ".dockerignore:4: "));
}

TEST(BuildContextTest, FolderMustBeOne) {
  TempDir folder;
  folder.Write("file", "x");
  EXPECT_TRUE(FailsWith(OpenLocalContext(folder.path("none")),
                        ErrorCode::kNotFound, "build context"));
  EXPECT_TRUE(FailsWith(OpenLocalContext(folder.path("file")),
                        ErrorCode::kInvalidArgument, "is not a folder"));
}

TEST(BuildContextTest, BuilderReadsIgnoredFilesAndStaysInside) {
  TempDir folder;
  MakeTree(folder.path(),
           ".dockerignore \"*\"\nDockerfile \"FROM x\"\n"
           "out -> ../../../../../../etc/hostname");
  auto context = OpenLocalContext(folder.path());
  ASSERT_TRUE(IsOk(context));
  EXPECT_EQ(*context->ReadFile("Dockerfile"), "FROM x");
  EXPECT_TRUE(FailsWith(context->ReadFile("out"), ErrorCode::kNotFound));
}

class StreamContextTest : public ::testing::Test {
 protected:
  Result<StreamContext> Open(const std::string& bytes) {
    MemorySource source(bytes);
    return OpenStreamContext(source, temporary_.path());
  }
  bool IsEmpty() { return std::filesystem::is_empty(temporary_.path()); }
  TempDir temporary_;
};

TEST_F(StreamContextTest, UnpacksATarAndRemovesItAgain) {
  std::string tar = TarBuilder()
                        .Add({.name = "Dockerfile",
                              .link = {},
                              .content = "FROM x",
                              .uid = 5,
                              .gid = 6})
                        .File(".dockerignore", "*")
                        .Build();
  {
    auto opened = Open(tar);
    ASSERT_TRUE(IsOk(opened));
    EXPECT_FALSE(opened->dockerfile);
    EXPECT_EQ(opened->context.ignore(), nullptr);
    EXPECT_FALSE(opened->context.tree().owned_by_root);
    EXPECT_EQ(*opened->context.ReadFile("Dockerfile"), "FROM x");
    EXPECT_EQ(DescribeTree(opened->context.path()),
              ".dockerignore \"*\"\nDockerfile 5:6 \"FROM x\"\n");
    BuildContext moved = std::move(opened->context);
    EXPECT_FALSE(IsEmpty());
  }
  EXPECT_TRUE(IsEmpty());
}

TEST_F(StreamContextTest, EntriesStayInside) {
  std::string tar = TarBuilder()
                        .File("../../up", "1")
                        .File("/abs", "2")
                        .Symlink("l", "/..")
                        .File("l/through", "3")
                        .Build();
  auto opened = Open(tar);
  ASSERT_TRUE(IsOk(opened));
  EXPECT_EQ(DescribeTree(opened->context.path()),
            "abs \"2\"\nl -> /..\nthrough \"3\"\nup \"1\"\n");
}

TEST_F(StreamContextTest, AnythingElseIsADockerfile) {
  auto opened = Open("FROM scratch\n");
  ASSERT_TRUE(IsOk(opened));
  EXPECT_EQ(opened->dockerfile, "FROM scratch\n");
  EXPECT_EQ(DescribeTree(opened->context.path()), "");
}

TEST_F(StreamContextTest, BadStreams) {
  EXPECT_TRUE(FailsWith(Open(""), ErrorCode::kInvalidArgument, "empty"));
  EXPECT_TRUE(FailsWith(Open(std::string(size_t{17} << 20, 'x')),
                        ErrorCode::kInvalidArgument, "no tar archive"));
  std::string tar = TarBuilder().File("a", std::string(5000, 'x')).Build();
  EXPECT_TRUE(FailsWith(Open(tar.substr(0, 2000)), ErrorCode::kCorrupt));
  EXPECT_TRUE(FailsWith(Open("\x1f\x8b\x08garbage"), ErrorCode::kCorrupt));
  EXPECT_TRUE(IsEmpty());
}

}  // namespace
}  // namespace strake::builder::context
