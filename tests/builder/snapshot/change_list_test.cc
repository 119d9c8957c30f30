#include "builder/snapshot/change_list.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace strake::builder::snapshot {
namespace {

oci::FileMetadata Linked(uint64_t inode, uint64_t links) {
  oci::FileMetadata metadata;
  metadata.mode = S_IFREG | 0644;
  metadata.device = 1;
  metadata.inode = inode;
  metadata.link_count = links;
  return metadata;
}

std::string PathsOf(const std::vector<oci::Change>& changes) {
  std::string paths;
  for (const oci::Change& change : changes) paths += change.path + " ";
  return paths;
}

TEST(ChangeListTest, SortsByPathComponent) {
  ChangeList list;
  list.Present("a.b", Linked(1, 1));
  list.Deleted("a/b");
  list.Present("a", Linked(2, 1));
  std::vector<oci::Change> changes = std::move(list).Finish();
  EXPECT_EQ("a a/b a.b ", PathsOf(changes));
  EXPECT_EQ(oci::ChangeKind::kDeleted, changes[1].kind);
}

TEST(ChangeListTest, AddsTheOtherNamesOfAChangedFile) {
  ChangeList list;
  list.Unchanged("old", Linked(5, 2));
  list.Unchanged("unrelated", Linked(6, 2));
  list.Present("new", Linked(5, 2));
  EXPECT_EQ("new old ", PathsOf(std::move(list).Finish()));
}

TEST(ChangeListTest, DirectoriesAreNoHardLinks) {
  ChangeList list;
  oci::FileMetadata directory = Linked(5, 3);
  directory.mode = S_IFDIR | 0755;
  list.Unchanged("d", directory);
  list.Present("e", directory);
  EXPECT_EQ("e ", PathsOf(std::move(list).Finish()));
}

}  // namespace
}  // namespace strake::builder::snapshot
