#include "builder/snapshot/file_metadata.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/temp_dir.h"

namespace strake::builder::snapshot {
namespace {

TEST(FileMetadataTest, KnowsWhichAttributesAreTheFilesOwn) {
  for (const char* name :
       {"user.x", "security.capability", "system.posix_acl_access", "trusted.x",
        "user.overlay", "user.overlayx"}) {
    EXPECT_TRUE(IsContentXattr(name)) << name;
  }
  for (const char* name : {"trusted.overlay.opaque", "user.overlay.origin",
                           "security.selinux", "security.ima"}) {
    EXPECT_FALSE(IsContentXattr(name)) << name;
  }
}

TEST(FileMetadataTest, AJournalEntryOverrides) {
  oci::FileMetadata metadata;
  metadata.mode = S_IFREG | 0600;
  metadata.size_bytes = 5;
  metadata.xattrs = {{"user.a", "1"}, {"user.b", "2"}};
  ApplyJournalEntry(nullptr, metadata);
  EXPECT_EQ(0u + S_IFREG + 0600, metadata.mode);
  VirtualMetadata entry;
  entry.mode = S_IFBLK | 0660;
  entry.uid = 3;
  entry.rdev = 7;
  entry.xattrs = {{"user.b", "3"}, {"security.capability", "x"}};
  ApplyJournalEntry(&entry, metadata);
  EXPECT_EQ(0u + S_IFBLK + 0660, metadata.mode);
  EXPECT_EQ(3u, metadata.uid);
  EXPECT_EQ(7u, metadata.rdev);
  EXPECT_EQ(0u, metadata.size_bytes);
  EXPECT_EQ(
      (Xattrs{{"security.capability", "x"}, {"user.a", "1"}, {"user.b", "3"}}),
      metadata.xattrs);
}

TEST(FileMetadataTest, EveryFieldButIdentityCounts) {
  const oci::FileMetadata base;
  oci::FileMetadata same;
  same.device = 1;
  same.inode = 2;
  same.link_count = 3;
  EXPECT_TRUE(SameMetadata(base, same));
  oci::FileMetadata differing[8];
  differing[0].mode = 1;
  differing[1].uid = 1;
  differing[2].gid = 1;
  differing[3].size_bytes = 1;
  differing[4].mtime = std::chrono::nanoseconds(1);
  differing[5].rdev = 1;
  differing[6].link_target = "x";
  differing[7].xattrs = {{"user.x", ""}};
  for (const oci::FileMetadata& other : differing) {
    EXPECT_FALSE(SameMetadata(base, other));
  }
}

TEST(FileMetadataTest, ComparesContentToTheLastByte) {
  testing::TempDir dir;
  std::string large(600000, 'x');
  dir.Write("a", large);
  dir.Write("b", large);
  auto same = SameContent(dir.fd(), "a", dir.fd(), "b");
  ASSERT_TRUE(same);
  EXPECT_TRUE(*same);
  large.back() = 'y';
  dir.Write("b", large);
  EXPECT_FALSE(*SameContent(dir.fd(), "a", dir.fd(), "b"));
  large.pop_back();
  dir.Write("b", large);
  EXPECT_FALSE(*SameContent(dir.fd(), "a", dir.fd(), "b"));
  EXPECT_FALSE(*SameContent(dir.fd(), "b", dir.fd(), "a"));
  dir.Write("a", "");
  dir.Write("b", "");
  EXPECT_TRUE(*SameContent(dir.fd(), "a", dir.fd(), "b"));
  EXPECT_FALSE(SameContent(dir.fd(), "a", dir.fd(), "missing"));
}

TEST(FileMetadataTest, ReadingDoesNotFollowLinksOrWaitForPipes) {
  testing::TempDir dir;
  dir.Write("file", "x");
  dir.Symlink("file", "link");
  ASSERT_EQ(0, ::mkfifoat(dir.fd(), "fifo", 0600));
  EXPECT_FALSE(OpenToRead(dir.fd(), "link"));
  EXPECT_TRUE(OpenToRead(dir.fd(), "fifo"));
}

}  // namespace
}  // namespace strake::builder::snapshot
