// The same without root: in a user namespace with a single id, and with no
// namespace at all.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "builder/snapshot/snapshotter.h"
#include "tests/builder/snapshot/snapshot_testing.h"

namespace strake::builder::snapshot {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kBase = "ba5e0000";
constexpr const char* kTop = "70900000";

constexpr const char* kBaseScript = R"(
  mkdir -p dir/sub shut; echo one > dir/file; echo deep > dir/sub/deep
  echo secret > secret; echo in > shut/in; ln -s dir link; mkfifo fifo
  find . -exec touch -h -d @1000000 {} +
  chmod 0 secret; chmod 0 shut; chmod 555 dir
)";
constexpr const char* kTopScript = R"(
  chmod 755 dir
  rm -r dir/sub; mkdir dir/sub; echo new > dir/sub/new; rm dir/file
)";
const Lines kExpected = {"M dir", "D dir/file", "M dir/sub", "D dir/sub/deep",
                         "M dir/sub/new"};

void MakeAndDiff(SnapshotterUnderTest& snapshots) {
  snapshots.Make(kBase, {}, kBaseScript);
  EXPECT_EQ((Lines{"M dir", "M dir/file", "M dir/sub", "M dir/sub/deep",
                   "M fifo", "M link", "M secret", "M shut", "M shut/in"}),
            snapshots.Diff(kBase));
  EXPECT_EQ(0u + S_IFREG, snapshots.Metadata(kBase, "secret").mode);
  EXPECT_EQ(0u + S_IFDIR, snapshots.Metadata(kBase, "shut").mode);
  snapshots.Make("eeee0000", kBase, "true");
  EXPECT_EQ(Lines{}, snapshots.Diff("eeee0000"));
  snapshots.Make(kTop, kBase, kTopScript);
  EXPECT_EQ(kExpected, snapshots.Diff(kTop));
  for (const char* id : {kTop, "eeee0000", kBase}) {
    auto removed = snapshots->Remove(id);
    EXPECT_TRUE(removed) << removed.error().message();
  }
  EXPECT_TRUE(snapshots->List()->empty());
}

TEST(UnprivilegedSnapshotterTest, OverlayAndPlainInAUserNamespace) {
  bool possible = InUserNamespace([] {
    ::setenv("STRAKE_TEST_OWNERSHIP", "journal", 1);
    for (const char* kind : {"overlay", "plain", "handed"}) {
      SCOPED_TRACE(kind);
      SnapshotterUnderTest snapshots(kind);
      ASSERT_TRUE(snapshots) << snapshots.reason();
      EXPECT_EQ(0u, snapshots->RemoveAbandoned() ? 0u : 1u);
      MakeAndDiff(snapshots);
    }
  });
  if (!possible) GTEST_SKIP() << "no user namespace can be made here";
}

TEST(UnprivilegedSnapshotterTest, BothMakeTheSameLayersInAUserNamespace) {
  bool possible = InUserNamespace([] {
    ::setenv("STRAKE_TEST_OWNERSHIP", "journal", 1);
    SnapshotterUnderTest overlay("overlay"), plain("plain");
    ASSERT_TRUE(overlay) << overlay.reason();
    for (SnapshotterUnderTest* snapshots : {&overlay, &plain}) {
      snapshots->Make(kBase, {}, kBaseScript);
      snapshots->Make(kTop, kBase, kTopScript);
    }
    EXPECT_EQ(plain.DiffId(kBase), overlay.DiffId(kBase));
    EXPECT_EQ(plain.DiffId(kTop), overlay.DiffId(kTop));
  });
  if (!possible) GTEST_SKIP() << "no user namespace can be made here";
}

TEST(UnprivilegedSnapshotterTest, PlainWithoutAnyNamespace) {
  AsPlainUser([] {
    ::setenv("STRAKE_TEST_OWNERSHIP", "journal", 1);
    for (const char* kind : {"plain", "handed"}) {
      SCOPED_TRACE(kind);
      SnapshotterUnderTest snapshots(kind);
      ASSERT_TRUE(snapshots) << snapshots.reason();
      MakeAndDiff(snapshots);
    }
  });
}

// What is changed in a directory that is closed to its owner.
TEST(UnprivilegedSnapshotterTest, HandsOnTreesWithClosedDirectories) {
  constexpr const char* kScripts[] = {
      "chmod 700 shut; echo more > shut/more; ln shut/more shut/same; "
      "chmod 0 shut",
      "chmod 700 shut; test $(cat shut/more) = more; "
      "cp -p shut/more t; mv t shut/more; rm shut/in; chmod 0 shut",
      "chmod 700 shut; test $(cat shut/same) = more; echo 3 > shut/same; "
      "touch -d @1000000 shut; chmod 0 shut"};
  AsPlainUser([&] {
    ::setenv("STRAKE_TEST_OWNERSHIP", "journal", 1);
    SnapshotterUnderTest plain("plain"), handed("handed");
    for (SnapshotterUnderTest* snapshots : {&plain, &handed}) {
      ASSERT_TRUE(*snapshots) << snapshots->reason();
      snapshots->Make(kBase, {}, kBaseScript);
      snapshots->Make("11111111", kBase, kScripts[0]);
      snapshots->Make("22222222", "11111111", kScripts[1]);
      snapshots->Make("33333333", "22222222", kScripts[2]);
    }
    for (const char* id : {"11111111", "22222222", "33333333"}) {
      EXPECT_EQ(plain.Diff(id), handed.Diff(id)) << id;
    }
  });
}

TEST(UnprivilegedSnapshotterTest, AutoFallsBackToPlainAndSaysWhy) {
  AsPlainUser([] {
    testing::TempDir dir;
    auto choice = OpenSnapshotter(dir.path(), "auto", OwnershipForm::kJournal);
    ASSERT_TRUE(choice) << choice.error().message();
    EXPECT_EQ("plain", choice->snapshotter->name());
    EXPECT_NE(std::string::npos, choice->reason.find("overlay: "))
        << choice->reason;
    EXPECT_NE(std::string::npos, choice->reason.find("; plain"));
    auto overlay =
        OpenSnapshotter(dir.path(), "overlay", OwnershipForm::kJournal);
    ASSERT_FALSE(overlay);
    EXPECT_EQ(ErrorCode::kUnsupported, overlay.error().code());
  });
}

TEST(UnprivilegedSnapshotterTest, RealOwnersNeedThePrivilege) {
  AsPlainUser([] {
    testing::TempDir dir;
    auto choice = OpenSnapshotter(dir.path(), "auto", OwnershipForm::kReal);
    ASSERT_FALSE(choice);
    EXPECT_EQ(ErrorCode::kUnsupported, choice.error().code());
    EXPECT_NE(std::string::npos, choice.error().message().find("chown"));
  });
}

}  // namespace
}  // namespace strake::builder::snapshot
