// Owners that the disk cannot hold: how a journal follows its files.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdlib>

#include "builder/snapshot/snapshotter.h"
#include "tests/builder/snapshot/snapshot_testing.h"

namespace strake::builder::snapshot {
namespace {

constexpr const char* kBase = "ba5e0000";
constexpr const char* kTop = "70900000";

VirtualMetadata Meant(uint32_t mode, uint32_t uid) {
  VirtualMetadata metadata;
  metadata.mode = mode;
  metadata.uid = uid;
  metadata.gid = uid;
  return metadata;
}

class SnapshotterJournalTest : public ::testing::TestWithParam<const char*> {
 protected:
  SnapshotterJournalTest() {
    ::setenv("STRAKE_TEST_OWNERSHIP", "journal", 1);
    snapshots_.emplace(GetParam());
  }
  ~SnapshotterJournalTest() override { ::unsetenv("STRAKE_TEST_OWNERSHIP"); }
  void SetUp() override {
    if (!*snapshots_) GTEST_SKIP() << snapshots_->reason();
    auto active = Snapshots()->Prepare({});
    ASSERT_TRUE(active);
    {
      auto root = Snapshots()->Mount(**active);
      ASSERT_TRUE(root);
      RunShell(root->fd.get(),
               "mkdir -p dir/sub; echo x > dir/file; echo y > dir/sub/deep; "
               "echo z > alone; : > null; echo p > plain");
    }
    OwnershipJournal& journal = (*active)->journal();
    EXPECT_TRUE(journal.empty());
    journal.Set("dir", Meant(S_IFDIR | 0755, 8));
    journal.Set("dir/file", Meant(S_IFREG | 0644, 42));
    journal.Set("dir/sub/deep", Meant(S_IFREG | 0640, 43));
    journal.Set("alone", Meant(S_IFREG | 04755, 44));
    VirtualMetadata device = Meant(S_IFCHR | 0666, 0);
    device.rdev = makedev(1, 3);
    journal.Set("null", device);
    ASSERT_TRUE(Snapshots()->Commit(*std::move(active), kBase));
  }

  SnapshotterUnderTest& Snapshots() { return *snapshots_; }

  // The journal after `script` ran on top.
  OwnershipJournal After(const char* script) {
    Snapshots().Make(kTop, kBase, script);
    auto journal = Snapshots()->Journal(kTop);
    EXPECT_TRUE(journal) << journal.error().message();
    return journal ? *journal : OwnershipJournal();
  }

  std::optional<SnapshotterUnderTest> snapshots_;
};

INSTANTIATE_TEST_SUITE_P(Kind, SnapshotterJournalTest,
                         ::testing::Values("overlay", "plain", "handed"),
                         [](const auto& info) { return info.param; });

TEST_P(SnapshotterJournalTest, TheDiffSpeaksOfWhatFilesAreMeantToBe) {
  oci::FileMetadata file = Snapshots().Metadata(kBase, "dir/file");
  EXPECT_EQ(42u, file.uid);
  EXPECT_EQ(2u, file.size_bytes);
  oci::FileMetadata null = Snapshots().Metadata(kBase, "null");
  EXPECT_EQ(0u + S_IFCHR + 0666, null.mode);
  EXPECT_EQ(makedev(1, 3), null.rdev);
  EXPECT_EQ(0u, Snapshots().Metadata(kBase, "plain").uid);
}

TEST_P(SnapshotterJournalTest, IsInheritedByWhatNobodyTouched) {
  EXPECT_EQ(*Snapshots()->Journal(kBase), After("true"));
  EXPECT_TRUE(Snapshots().Diff(kTop).empty());
}

TEST_P(SnapshotterJournalTest, StaysWithCopiedUpFiles) {
  OwnershipJournal journal = After("echo more >> dir/file");
  EXPECT_EQ(*Snapshots()->Journal(kBase), journal);
  EXPECT_EQ((std::vector<std::string>{"M dir/file"}), Snapshots().Diff(kTop));
  EXPECT_EQ(42u, Snapshots().Metadata(kTop, "dir/file").uid);
}

TEST_P(SnapshotterJournalTest, FollowsAChangeOfMode) {
  OwnershipJournal journal = After("chmod 600 dir/file");
  EXPECT_EQ(Meant(S_IFREG | 0600, 42), *journal.Find("dir/file"));
  EXPECT_EQ(0u + S_IFREG + 0600, Snapshots().Metadata(kTop, "dir/file").mode);
}

// With subordinate ids some owners are real although others are in a journal.
TEST_P(SnapshotterJournalTest, FollowsAChangeOfOwnerAndKeepsRealOnes) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  OwnershipJournal journal = After("chown 5 dir/file; chown 6:7 plain");
  EXPECT_EQ(5u, journal.Find("dir/file")->uid);
  EXPECT_EQ(42u, journal.Find("dir/file")->gid);
  EXPECT_EQ(nullptr, journal.Find("plain"));
  EXPECT_EQ(6u, Snapshots().Metadata(kTop, "plain").uid);
  Snapshots().Make("eeee0000", kTop, "true");
  EXPECT_TRUE(Snapshots().Diff("eeee0000").empty());
}

TEST_P(SnapshotterJournalTest, ForgetsWhatIsDeleted) {
  OwnershipJournal journal = After("rm dir/file alone null");
  EXPECT_EQ(nullptr, journal.Find("dir/file"));
  EXPECT_EQ(nullptr, journal.Find("alone"));
  EXPECT_EQ(nullptr, journal.Find("null"));
  EXPECT_NE(nullptr, journal.Find("dir/sub/deep"));
}

TEST_P(SnapshotterJournalTest, ForgetsWhatWasInADeletedDirectory) {
  OwnershipJournal journal = After("rm -r dir");
  EXPECT_EQ(nullptr, journal.Find("dir"));
  EXPECT_EQ(nullptr, journal.Find("dir/file"));
  EXPECT_EQ(nullptr, journal.Find("dir/sub/deep"));
  EXPECT_NE(nullptr, journal.Find("alone"));
}

TEST_P(SnapshotterJournalTest, ForgetsWhatWasInAReplacedDirectory) {
  OwnershipJournal journal = After("rm -r dir; mkdir -p dir/sub");
  EXPECT_EQ(nullptr, journal.Find("dir/file"));
  EXPECT_EQ(nullptr, journal.Find("dir/sub/deep"));
}

TEST_P(SnapshotterJournalTest, ForgetsWhatHasBecomeAnotherType) {
  OwnershipJournal journal = After("rm alone; mkdir alone; rm -r dir; :> dir");
  EXPECT_EQ(nullptr, journal.Find("alone"));
  EXPECT_EQ(nullptr, journal.Find("dir"));
  EXPECT_EQ(nullptr, journal.Find("dir/file"));
}

TEST_P(SnapshotterJournalTest, AChangeOfOwnerAloneIsAChange) {
  auto active = Snapshots()->Prepare(SnapshotId(kBase));
  ASSERT_TRUE(active);
  EXPECT_EQ(*Snapshots()->Journal(kBase), (*active)->journal());
  (*active)->journal().Set("plain", Meant(S_IFREG | 0644, 7));
  {
    // A copy operation touches the file, too: an overlay knows by that.
    auto root = Snapshots()->Mount(**active);
    ASSERT_TRUE(root);
    RunShell(root->fd.get(), "chmod 644 plain; chown $(id -u) plain");
  }
  ASSERT_TRUE(Snapshots()->Commit(*std::move(active), kTop));
  EXPECT_EQ((std::vector<std::string>{"M plain"}), Snapshots().Diff(kTop));
  EXPECT_EQ(7u, Snapshots().Metadata(kTop, "plain").uid);
}

TEST_P(SnapshotterJournalTest, AnActiveOnesIsFreedOfWhatIsUntrue) {
  auto active = Snapshots()->Prepare(SnapshotId(kBase));
  ASSERT_TRUE(active);
  {
    auto root = Snapshots()->Mount(**active);
    ASSERT_TRUE(root);
    RunShell(root->fd.get(), "rm alone");
  }
  auto journal = Snapshots()->Journal(**active);
  ASSERT_TRUE(journal);
  EXPECT_EQ(nullptr, journal->Find("alone"));
  EXPECT_NE(nullptr, journal->Find("dir/file"));
}

}  // namespace
}  // namespace strake::builder::snapshot
