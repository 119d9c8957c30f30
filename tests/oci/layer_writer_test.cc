#include "oci/layer_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "oci/tar_reader.h"
#include "oci/whiteout.h"
#include "tests/support/expect_result.h"
#include "tests/support/rich_tree.h"
#include "tests/support/scan_tree.h"
#include "tests/support/temp_dir.h"

namespace strake::oci {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::IsOk;
using testing::ScanTree;
using testing::TempDir;

Change Deleted(const std::string& path) {
  Change change;
  change.kind = ChangeKind::kDeleted;
  change.path = path;
  return change;
}

Change Directory(const std::string& path, ChangeKind kind) {
  Change change;
  change.kind = kind;
  change.path = path;
  change.metadata.mode = S_IFDIR | 0755;
  return change;
}

std::vector<std::string> Entries(const std::string& tar) {
  MemorySource source(tar);
  TarReader reader(source);
  std::vector<std::string> entries;
  while (true) {
    auto header = reader.Next();
    EXPECT_TRUE(IsOk(header));
    if (!header || !*header) return entries;
    std::string line = (*header)->path;
    if (!(*header)->hard_link_target.empty()) {
      line += " = " + (*header)->hard_link_target;
    }
    entries.push_back(line);
  }
}

TEST(LayerWriterTest, TakesContentFromElsewhere) {
  TempDir with_content;
  with_content.Write("a", "content");
  with_content.Write("b", "here");
  MemorySink whole;
  auto changes = ScanTree(with_content.fd());
  ASSERT_TRUE(IsOk(WriteLayer(changes, with_content.fd(), whole)));

  TempDir without;
  without.Write("b", "here");
  TempDir elsewhere;
  elsewhere.Write("x", "content, and more by now");
  LayerWriteOptions options;
  options.open_content = [&](const std::string& path) -> Result<UniqueFd> {
    if (path != "a") return UniqueFd();
    return UniqueFd(::open(elsewhere.path("x").c_str(), O_RDONLY));
  };
  MemorySink same;
  ASSERT_TRUE(IsOk(WriteLayer(changes, without.fd(), same, options)));
  EXPECT_EQ(same.bytes(), whole.bytes());
  elsewhere.Write("x", "cont");
  EXPECT_TRUE(FailsWith(WriteLayer(changes, without.fd(), same, options),
                        ErrorCode::kIo));
}

TEST(LayerWriterTest, WritesTheEmptyLayerOfAllBuilders) {
  TempDir root;
  MemorySink tar;
  auto written = WriteLayer({}, root.fd(), tar);
  ASSERT_TRUE(IsOk(written));
  EXPECT_EQ(0u, written->entries);
  EXPECT_EQ(
      "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
      Digest::Of(tar.bytes()).ToString());
}

TEST(LayerWriterTest, WritesWhiteouts) {
  TempDir root;
  MemorySink tar;
  std::vector<Change> changes = {
      Directory("d", ChangeKind::kOpaqueDirectory),
      Directory("e", ChangeKind::kPresent),
      Deleted("e/gone"),
      Deleted("gone"),
  };
  auto written = WriteLayer(changes, root.fd(), tar);
  ASSERT_TRUE(IsOk(written));
  EXPECT_EQ(5u, written->entries);
  EXPECT_THAT(Entries(tar.bytes()), ElementsAre("d/", "d/.wh..wh..opq", "e/",
                                                "e/.wh.gone", ".wh.gone"));
}

TEST(LayerWriterTest, NamesHardLinksByTheFirstPathFromTheRoot) {
  TempDir root;
  root.Write("a/one", "x");
  ASSERT_EQ(0, ::link(root.path("a/one").c_str(), root.path("two").c_str()));
  ASSERT_EQ(
      0, ::link(root.path("a/one").c_str(), root.path("gr\xc3\xbcn").c_str()));
  MemorySink tar;
  auto written = WriteLayer(ScanTree(root.fd()), root.fd(), tar);
  ASSERT_TRUE(IsOk(written));
  EXPECT_EQ(1u, written->content_bytes);
  EXPECT_THAT(Entries(tar.bytes()),
              ElementsAre("a/", "a/one", "gr\xc3\xbcn = a/one", "two = a/one"));
}

TEST(LayerWriterTest, AFileWhoseOtherLinksAreElsewhereIsAFile) {
  TempDir root;
  root.Write("a", "x");
  ASSERT_EQ(0, ::link(root.path("a").c_str(), root.path("b").c_str()));
  auto changes = ScanTree(root.fd());
  changes.erase(changes.begin());
  MemorySink tar;
  ASSERT_TRUE(IsOk(WriteLayer(changes, root.fd(), tar)));
  EXPECT_THAT(Entries(tar.bytes()), ElementsAre("b"));
}

TEST(LayerWriterTest, ClampsTimes) {
  TempDir root;
  root.Write("early", "x");
  root.Write("late", "x");
  testing::SetMtime(root, "early", 100, 5);
  testing::SetMtime(root, "late", 300, 5);
  LayerWriteOptions options;
  options.clamp_mtime = Timestamp(std::chrono::seconds(200));
  MemorySink tar;
  ASSERT_TRUE(IsOk(WriteLayer(ScanTree(root.fd()), root.fd(), tar, options)));
  MemorySource source(tar.bytes());
  TarReader reader(source);
  EXPECT_EQ(100'000'000'005, (*reader.Next())->metadata.mtime.count());
  EXPECT_EQ(200'000'000'000, (*reader.Next())->metadata.mtime.count());
}

TEST(LayerWriterTest, TakesMetadataFromTheChangesAlone) {
  TempDir root;
  root.Write("f", "x");
  auto changes = ScanTree(root.fd());
  changes[0].metadata.uid = 77;
  changes[0].metadata.mode = S_IFREG | 04711;
  changes[0].metadata.xattrs["user.virtual"] = "v";
  MemorySink tar;
  ASSERT_TRUE(IsOk(WriteLayer(changes, root.fd(), tar)));
  MemorySource source(tar.bytes());
  TarReader reader(source);
  auto header = reader.Next();
  ASSERT_TRUE(IsOk(header));
  EXPECT_EQ(77u, (*header)->metadata.uid);
  EXPECT_EQ(S_IFREG | 04711u, (*header)->metadata.mode);
  EXPECT_EQ("v", (*header)->metadata.xattrs.at("user.virtual"));
}

TEST(LayerWriterTest, LeavesSocketsOut) {
  TempDir root;
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s",
                root.path("socket").c_str());
  ASSERT_EQ(0,
            ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
  ::close(fd);
  root.Write("z", "x");
  MemorySink tar;
  ASSERT_TRUE(IsOk(WriteLayer(ScanTree(root.fd()), root.fd(), tar)));
  EXPECT_THAT(Entries(tar.bytes()), ElementsAre("z"));
}

TEST(LayerWriterTest, NoticesThatAFileChanged) {
  TempDir root;
  root.Write("f", "four");
  auto changes = ScanTree(root.fd());
  root.Write("f", "more than four");
  NullSink sink;
  EXPECT_TRUE(FailsWith(WriteLayer(changes, root.fd(), sink), ErrorCode::kIo,
                        "the file changed"));
  ASSERT_EQ(0, ::unlink(root.path("f").c_str()));
  EXPECT_TRUE(FailsWith(WriteLayer(changes, root.fd(), sink),
                        ErrorCode::kNotFound, "\"f\""));
  // A symlink that took the file's place is not followed.
  root.Symlink("/etc/passwd", "f");
  EXPECT_FALSE(WriteLayer(changes, root.fd(), sink).has_value());
}

TEST(LayerWriterTest, RefusesNamesThatMeanWhiteouts) {
  TempDir root;
  for (const char* name : {".wh.f", ".wh..wh..opq", "d/.wh.x"}) {
    NullSink sink;
    EXPECT_TRUE(FailsWith(
        WriteLayer(std::vector<Change>{Directory(name, ChangeKind::kPresent)},
                   root.fd(), sink),
        ErrorCode::kUnsupported, ".wh."))
        << name;
  }
}

TEST(LayerWriterTest, WritesOddXattrNamesLiterally) {
  TempDir root;
  Change change = Directory("d", ChangeKind::kPresent);
  change.metadata.xattrs["user.100%"] = "a";
  change.metadata.xattrs["user.gr\xc3\xbcn"] = "b";
  MemorySink tar;
  ASSERT_TRUE(IsOk(WriteLayer(std::vector<Change>{change}, root.fd(), tar)));
  MemorySource source(tar.bytes());
  TarReader reader(source);
  EXPECT_EQ(change.metadata.xattrs, (*reader.Next())->metadata.xattrs);
  change.metadata.xattrs = {{"user.a=b", "x"}};
  NullSink sink;
  EXPECT_TRUE(
      FailsWith(WriteLayer(std::vector<Change>{change}, root.fd(), sink),
                ErrorCode::kUnsupported, "user.a=b"));
}

class BrokenSink final : public ByteSink {
 public:
  Status Write(std::span<const std::byte>) override {
    return IoError("No space left on device");
  }
};

TEST(LayerWriterTest, PassesOnTheSinksError) {
  TempDir root;
  root.Write("f", std::string(1'000'000, 'x'));
  BrokenSink sink;
  EXPECT_TRUE(FailsWith(WriteLayer(ScanTree(root.fd()), root.fd(), sink),
                        ErrorCode::kIo, "No space left on device"));
}

TEST(WhiteoutTest, ClassifiesNames) {
  EXPECT_EQ(WhiteoutKind::kNone, ClassifyName("file"));
  EXPECT_EQ(WhiteoutKind::kNone, ClassifyName(".whale"));
  EXPECT_EQ(WhiteoutKind::kDelete, ClassifyName(".wh.file"));
  EXPECT_EQ("file", WhiteoutTarget(".wh.file"));
  EXPECT_EQ(WhiteoutKind::kOpaque, ClassifyName(".wh..wh..opq"));
  EXPECT_EQ(WhiteoutKind::kReserved, ClassifyName(".wh..wh.plnk"));
  EXPECT_EQ(WhiteoutKind::kInvalid, ClassifyName(".wh."));
  EXPECT_EQ(WhiteoutKind::kInvalid, ClassifyName(".wh..."));
  EXPECT_EQ("a/b/.wh.c", WhiteoutPathFor("a/b/c"));
  EXPECT_EQ(".wh.c", WhiteoutPathFor("c"));
}

}  // namespace
}  // namespace strake::oci
