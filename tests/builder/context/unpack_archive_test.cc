#include "builder/context/unpack_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

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

class UnpackArchiveTest : public ::testing::Test {
 protected:
  Result<UnpackSummary> Unpack(const std::string& bytes,
                               const std::string& base = "",
                               const UnpackOptions& options = {}) {
    TreeWriter writer(root_.fd(), nullptr, nullptr);
    MemorySource source(bytes);
    return UnpackArchive(source, writer, base, options);
  }
  std::string Tree() { return DescribeTree(root_.path()); }

  // `tar` through the program `tool`.
  std::string Compress(const std::string& tar, const std::string& tool) {
    scratch_.Write("in", tar);
    std::string command =
        tool + " -c < " + scratch_.path("in") + " > " + scratch_.path("out");
    EXPECT_EQ(::system(command.c_str()), 0) << command;
    return scratch_.Read("out");
  }

  TempDir root_, scratch_;
};

TEST_F(UnpackArchiveTest, AllKindsOfEntries) {
  std::string tar =
      TarBuilder()
          .Dir("d/", 0700)
          .Add({.name = "d/f",
                .link = {},
                .content = "text",
                .mode = 04755,
                .uid = 5,
                .gid = 6})
          .Symlink("d/l", "f")
          .HardLink("h", "d/f")
          .Add({.name = "p", .type = '6', .link = {}, .content = {}})
          .Add({.name = "n",
                .type = '3',
                .link = {},
                .content = {},
                .mode = 0666,
                .major = 1,
                .minor = 3})
          .File("implied/x/y", "z")
          .File(".wh.gone", "w")
          .Build();
  auto unpacked = Unpack(tar);
  ASSERT_TRUE(IsOk(unpacked));
  EXPECT_EQ(unpacked->entries, 8u);
  EXPECT_EQ(unpacked->content_bytes, 6u);
  EXPECT_EQ(Tree(),
            ".wh.gone \"w\"\nd/ 0700\nd/f 4755 5:6 \"text\"\nd/l -> f\n"
            "h = d/f\nimplied/\nimplied/x/\nimplied/x/y \"z\"\nn c1:3 0666\n"
            "p |\n");
}

TEST_F(UnpackArchiveTest, CompressedOnce) {
  std::string tar = TarBuilder().File("f", "text").Build();
  for (const char* tool : {"gzip", "bzip2", "xz", "zstd -q"}) {
    SCOPED_TRACE(tool);
    std::string bytes = Compress(tar, tool);
    EXPECT_TRUE(LooksLikeArchive(bytes.substr(0, kArchiveProbeBytes)));
    MemorySource probe(bytes);
    EXPECT_TRUE(IsArchive(probe));
    ASSERT_TRUE(IsOk(Unpack(bytes)));
    EXPECT_EQ(Tree(), "f \"text\"\n");
    // Twice is no archive to anybody.
    std::string twice = Compress(bytes, "gzip");
    MemorySource again(twice);
    EXPECT_FALSE(IsArchive(again));
  }
}

TEST_F(UnpackArchiveTest, SkippableZstdFramesMayComeFirst) {
  std::string tar = TarBuilder().File("f", "text").Build();
  using namespace std::literals;
  std::string bytes =
      "\x50\x2a\x4d\x18\x03\x00\x00\x00xyz"s + Compress(tar, "zstd -q");
  MemorySource probe(bytes);
  EXPECT_TRUE(IsArchive(probe));
}

TEST_F(UnpackArchiveTest, OtherFilesAreNoArchives) {
  for (const std::string& bytes :
       {std::string(), std::string("text"), std::string(512, 'x'),
        std::string(10240, '\0'), std::string("\x1f\x8b\x08"),
        Compress("no tar at all", "gzip")}) {
    MemorySource source(bytes);
    EXPECT_FALSE(IsArchive(source)) << bytes.substr(0, 20);
  }
}

TEST_F(UnpackArchiveTest, OwnerIsOverridden) {
  std::string tar = TarBuilder()
                        .Add({.name = "d/",
                              .type = '5',
                              .link = {},
                              .content = {},
                              .mode = 0755,
                              .uid = 9,
                              .gid = 9})
                        .File("d/f", "x")
                        .Symlink("d/l", "f")
                        .Build();
  UnpackOptions options;
  options.owner = FileOwner{3, 4};
  ASSERT_TRUE(IsOk(Unpack(tar, "", options)));
  EXPECT_EQ(Tree(), "d/ 3:4\nd/f 3:4 \"x\"\nd/l 3:4 -> f\n");
}

TEST_F(UnpackArchiveTest, BaseKeepsItsMetadata) {
  MakeTree(root_.path(), "b/ 0711 7:7");
  std::string tar = TarBuilder().Dir("./", 0700).File("./f", "x").Build();
  ASSERT_TRUE(IsOk(Unpack(tar, "b")));
  EXPECT_EQ(Tree(), "b/ 0711 7:7\nb/f \"x\"\n");
}

TEST_F(UnpackArchiveTest, BaseIsTheRootOfAllNames) {
  MakeTree(root_.path(), "b/up -> ..\nb/abs -> /x\nout/ 0755");
  std::string tar = TarBuilder()
                        .File("../dots", "1")
                        .File("up/through", "2")
                        .File("abs/made", "3")
                        .Symlink("s", "../out")
                        .File("s/in", "4")
                        .HardLink("h", "../dots")
                        .Build();
  ASSERT_TRUE(IsOk(Unpack(tar, "b")));
  EXPECT_EQ(Tree(),
            "b/\nb/abs -> /x\nb/dots \"1\"\nb/h = b/dots\nb/out/\n"
            "b/out/in \"4\"\nb/s -> ../out\nb/through \"2\"\nb/up -> ..\n"
            "b/x/\nb/x/made \"3\"\nout/\n");
}

TEST_F(UnpackArchiveTest, ExistingFilesAreReplaced) {
  MakeTree(root_.path(),
           "dir/full \"x\"\nfile \"x\"\nlink -> file\nkeep/old 0600 \"o\"\n"
           "twin \"t\"\ntwin2 = twin");
  std::string tar = TarBuilder()
                        .File("dir", "now a file")
                        .Dir("file", 0750)
                        .Dir("link")
                        .Dir("keep", 0711)
                        .File("twin", "new")
                        .Build();
  ASSERT_TRUE(IsOk(Unpack(tar)));
  EXPECT_EQ(Tree(),
            "dir \"now a file\"\nfile/ 0750\nkeep/ 0711\nkeep/old 0600 \"o\"\n"
            "link/\ntwin \"new\"\ntwin2 \"t\"\n");
}

TEST_F(UnpackArchiveTest, LaterEntriesReplaceEarlierDirectories) {
  std::string tar =
      TarBuilder().Dir("d", 0700).File("d/f", "1").File("d", "2").Build();
  ASSERT_TRUE(IsOk(Unpack(tar)));
  EXPECT_EQ(Tree(), "d \"2\"\n");
}

TEST_F(UnpackArchiveTest, DirectoryTimesAreSetLast) {
  std::string tar =
      TarBuilder().Dir("d/").Pax("mtime", "77.25").File("d/f", "x").Build();
  ASSERT_TRUE(IsOk(Unpack(tar)));
  EXPECT_EQ(DescribeTree(root_.path(), {.times = true}),
            "d/ @1000000000.000000000\nd/f @77.250000000 \"x\"\n");
}

TEST_F(UnpackArchiveTest, PaxNamesAndXattrs) {
  std::string name = "d\xc3\xa4/" + std::string(200, 'n');
  std::string tar = TarBuilder()
                        .Pax("path", name)
                        .File("short", "x")
                        .Pax("SCHILY.xattr.user.k", "v")
                        .File("f", "y")
                        .File("\xff\xfe", "raw")
                        .Build();
  ASSERT_TRUE(IsOk(Unpack(tar)));
  EXPECT_EQ(Tree(), "d\xc3\xa4/\n" + name + " \"x\"\nf {user.k=v} \"y\"\n" +
                        "\xff\xfe \"raw\"\n");
}

TEST_F(UnpackArchiveTest, GlobalHeadersAreNoFiles) {
  std::string tar = TarBuilder()
                        .Add({.name = "pax_global_header",
                              .type = 'g',
                              .link = {},
                              .content = "18 comment=abcdef\n"})
                        .File("f", "x")
                        .Build();
  ASSERT_TRUE(IsOk(Unpack(tar)));
  EXPECT_EQ(Tree(), "f \"x\"\n");
}

TEST_F(UnpackArchiveTest, HardLinksNeedATarget) {
  EXPECT_TRUE(FailsWith(Unpack(TarBuilder().HardLink("h", "none").Build()),
                        ErrorCode::kCorrupt, "hard link h to none"));
  std::string tar = TarBuilder().Dir("d").HardLink("h", "d").Build();
  EXPECT_TRUE(FailsWith(Unpack(tar), ErrorCode::kCorrupt, "directory"));
}

TEST_F(UnpackArchiveTest, TruncatedArchives) {
  std::string tar = TarBuilder().File("f", std::string(5000, 'x')).Build();
  EXPECT_TRUE(FailsWith(Unpack(tar.substr(0, 3000)), ErrorCode::kCorrupt));
  std::string gz = Compress(tar, "gzip");
  EXPECT_TRUE(
      FailsWith(Unpack(gz.substr(0, gz.size() / 2)), ErrorCode::kCorrupt));
}

TEST_F(UnpackArchiveTest, SparseFiles) {
  scratch_.Write("s", "head");
  ASSERT_EQ(::truncate(scratch_.path("s").c_str(), 8 << 20), 0);
  std::string command =
      "tar -C " + scratch_.path() + " -S -cf " + scratch_.path("s.tar") + " s";
  ASSERT_EQ(::system(command.c_str()), 0);
  ASSERT_TRUE(IsOk(Unpack(scratch_.Read("s.tar"))));
  struct stat st;
  ASSERT_EQ(::stat(root_.path("s").c_str(), &st), 0);
  EXPECT_EQ(st.st_size, 8 << 20);
  EXPECT_LT(st.st_blocks * 512, 1 << 20);
  EXPECT_EQ(root_.Read("s").substr(0, 5), std::string("head\0", 5));
}

TEST_F(UnpackArchiveTest, StopIsHonoured) {
  std::stop_source stop;
  stop.request_stop();
  UnpackOptions options;
  options.stop = stop.get_token();
  EXPECT_TRUE(FailsWith(Unpack(TarBuilder().File("f").Build(), "", options),
                        ErrorCode::kCancelled));
}

}  // namespace
}  // namespace strake::builder::context
