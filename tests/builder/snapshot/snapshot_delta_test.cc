#include "builder/snapshot/snapshot_delta.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <string>

namespace strake::builder::snapshot {
namespace {

oci::Change Present(const char* path) {
  oci::Change change;
  change.path = path;
  oci::FileMetadata& file = change.metadata;
  file.mode = S_IFREG | 04751;
  file.uid = 12;
  file.gid = 4'000'000'000;
  file.size_bytes = uint64_t{5} << 32;
  file.mtime = std::chrono::nanoseconds(-1'750'000'000);
  file.rdev = 259;
  file.link_target = "to";
  file.xattrs = {{"user.a", std::string("\0b", 2)}, {"user.b", ""}};
  file.device = 3;
  file.inode = 77;
  file.link_count = 2;
  return change;
}

TEST(SnapshotDeltaTest, SurvivesTheDisk) {
  oci::Change deleted;
  deleted.kind = oci::ChangeKind::kDeleted;
  deleted.path = "a\n b";
  const std::string bytes =
      SerializeChanges({deleted, Present("d/f")}, {Present("d")});
  auto delta = ParseChanges(bytes);
  ASSERT_TRUE(delta) << delta.error().message();
  ASSERT_EQ(2u, delta->changes.size());
  EXPECT_EQ(oci::ChangeKind::kDeleted, delta->changes[0].kind);
  EXPECT_EQ("a\n b", delta->changes[0].path);
  const oci::FileMetadata& file = delta->changes[1].metadata;
  const oci::FileMetadata wanted = Present("").metadata;
  EXPECT_EQ(wanted.mode, file.mode);
  EXPECT_EQ(wanted.uid, file.uid);
  EXPECT_EQ(wanted.gid, file.gid);
  EXPECT_EQ(wanted.size_bytes, file.size_bytes);
  EXPECT_EQ(wanted.mtime, file.mtime);
  EXPECT_EQ(wanted.rdev, file.rdev);
  EXPECT_EQ(wanted.link_target, file.link_target);
  EXPECT_EQ(wanted.xattrs, file.xattrs);
  EXPECT_EQ(wanted.device, file.device);
  EXPECT_EQ(wanted.inode, file.inode);
  EXPECT_EQ(wanted.link_count, file.link_count);
  ASSERT_EQ(1u, delta->leading.size());
  EXPECT_EQ("d", delta->leading[0].path);
  EXPECT_EQ(&delta->changes[1], delta->FindPresent("d/f"));
  EXPECT_EQ(nullptr, delta->FindPresent("a\n b")) << "it was deleted";
  EXPECT_EQ(nullptr, delta->FindPresent("d")) << "it was not changed";
}

TEST(SnapshotDeltaTest, RefusesWhatIsCutShort) {
  const std::string bytes = SerializeChanges({Present("d/f")}, {});
  const size_t header = bytes.find('\n') + 1;
  for (size_t size = 0; size < bytes.size(); ++size) {
    if (size == header) continue;  // no changes at all
    auto delta = ParseChanges(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(delta) << size;
    EXPECT_EQ(ErrorCode::kCorrupt, delta.error().code());
  }
  EXPECT_TRUE(ParseChanges(std::string_view(bytes).substr(0, header)));
  EXPECT_FALSE(ParseChanges(bytes + "X"));
}

}  // namespace
}  // namespace strake::builder::snapshot
