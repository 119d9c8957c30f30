#include "builder/snapshot/layer_changes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <utility>

#include "tests/support/temp_dir.h"
#include "util/unique_fd.h"

namespace strake::builder::snapshot {
namespace {

class LayerChangesTest : public ::testing::Test {
 protected:
  LayerChangesTest() {
    dir_.MakeDir("a");
    dir_.MakeDir("a/b");
    dir_.Write("a/b/file", "text");
    EXPECT_EQ(chmod((dir_.path() + "/a").c_str(), 0711), 0);
    diff_.root.reset(
        open(dir_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  void Add(oci::ChangeKind kind, std::string path) {
    diff_.changes.push_back({kind, std::move(path), {}});
  }
  std::string Paths() const {
    std::string paths;
    for (const oci::Change& change : diff_.changes) paths += change.path + " ";
    return paths;
  }

  testing::TempDir dir_;
  SnapshotDiff diff_;
};

TEST_F(LayerChangesTest, AllDirectoriesOnTheWayAreThere) {
  Add(oci::ChangeKind::kPresent, "a/b/file");
  Add(oci::ChangeKind::kPresent, "a.b");
  ASSERT_TRUE(AddLeadingDirectories({}, diff_));
  EXPECT_EQ(Paths(), "a a/b a/b/file a.b ");
  EXPECT_EQ(diff_.changes[0].metadata.mode, S_IFDIR | 0711U);
}

TEST_F(LayerChangesTest, OfADeletionToo) {
  Add(oci::ChangeKind::kDeleted, "a/b/gone");
  ASSERT_TRUE(AddLeadingDirectories({}, diff_));
  EXPECT_EQ(Paths(), "a a/b a/b/gone ");
}

TEST_F(LayerChangesTest, WhatHasChangedItselfStaysAsItIs) {
  Add(oci::ChangeKind::kPresent, "a/b");
  Add(oci::ChangeKind::kPresent, "a/b/file");
  ASSERT_TRUE(AddLeadingDirectories({}, diff_));
  EXPECT_EQ(Paths(), "a a/b a/b/file ");
  EXPECT_EQ(diff_.changes[1].metadata.mode, 0U);
}

TEST_F(LayerChangesTest, TheJournalKnowsTheOwner) {
  OwnershipJournal journal;
  VirtualMetadata owned;
  owned.mode = S_IFDIR | 02750;
  owned.uid = 42;
  journal.Set("a", owned);
  Add(oci::ChangeKind::kPresent, "a/b");
  ASSERT_TRUE(AddLeadingDirectories(journal, diff_));
  ASSERT_EQ(Paths(), "a a/b ");
  EXPECT_EQ(diff_.changes[0].metadata.uid, 42U);
  EXPECT_EQ(diff_.changes[0].metadata.mode, S_IFDIR | 02750U);
}

TEST_F(LayerChangesTest, NothingComesFromNothing) {
  ASSERT_TRUE(AddLeadingDirectories({}, diff_));
  EXPECT_TRUE(diff_.changes.empty());
}

}  // namespace
}  // namespace strake::builder::snapshot
