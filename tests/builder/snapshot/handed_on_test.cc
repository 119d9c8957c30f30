// Trees that are taken over by the next snapshot: what becomes of the one that
// had it, of who reads it meanwhile, and of who dies on the way.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "builder/snapshot/layer_changes.h"
#include "tests/builder/snapshot/snapshot_testing.h"
#include "util/byte_stream.h"
#include "util/rooted_fs.h"

namespace strake::builder::snapshot {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kBase = "ba5e0000";
constexpr const char* kMiddle = "111dd1e0";
constexpr const char* kTop = "70900000";
constexpr const char* kOther = "07be0000";

class HandedOnTest : public ::testing::Test {
 protected:
  HandedOnTest() : snapshots_("handed") {}
  void SetUp() override {
    ASSERT_TRUE(snapshots_) << snapshots_.reason();
    snapshots_.Make(kBase, {},
                    "mkdir -p d/sub gone; echo one > d/f; echo x > gone/f; "
                    "echo deep > d/sub/f");
    snapshots_.Make(kMiddle, kBase,
                    "rm -r gone; echo two > d/f; mkdir -m 700 new; "
                    "echo new > new/f; ln new/f new/g");
  }

  bool HasTree(const SnapshotId& id) const {
    return std::filesystem::exists(snapshots_.store() + "/committed/" + id +
                                   "/fs");
  }
  bool NothingIsActive() const {
    return std::filesystem::is_empty(snapshots_.store() + "/active");
  }
  // Names, modes and content.
  std::string Describe(const SnapshotId& id) {
    auto root = snapshots_->View(id);
    if (!root) return root.error().message();
    std::string out = snapshots_.directory() + "/described";
    RunShell(root->fd.get(),
             "{ find . ! -type d -printf '%p %m %n %s %T@ ' -exec cat {} \\; ; "
             "find . -type d -printf '%p %m %T@\\n'; } | sort > " +
                 out);
    auto fd = OpenFile(out.c_str(), O_RDONLY);
    FdSource source(std::move(*fd));
    return *ReadAll(source, 1 << 20);
  }

  SnapshotterUnderTest snapshots_;
};

TEST_F(HandedOnTest, TheNextOneTakesTheTreeOver) {
  EXPECT_TRUE(HasTree(kMiddle));
  snapshots_.Make(kTop, kMiddle, "echo three > d/f");
  EXPECT_FALSE(HasTree(kMiddle));
  EXPECT_TRUE(HasTree(kTop));
  EXPECT_TRUE(HasTree(kBase)) << "it has no delta";
  EXPECT_TRUE(snapshots_->Exists(kMiddle));
  EXPECT_EQ((Lines{"M d/f"}), snapshots_.Diff(kTop));
  EXPECT_EQ((Lines{"M d/f", "D gone", "M new", "M new/f", "M new/g"}),
            snapshots_.Diff(kMiddle));
}

TEST_F(HandedOnTest, ATreeThatWasTakenIsMadeAgain) {
  const std::string before = Describe(kMiddle);
  snapshots_.Make(kTop, kMiddle, "rm -r d new; echo top > top");
  const std::string top = Describe(kTop);
  EXPECT_FALSE(HasTree(kMiddle));
  EXPECT_EQ(before, Describe(kMiddle));
  EXPECT_TRUE(HasTree(kMiddle));
  // That one may be taken again.
  snapshots_.Make(kOther, kMiddle, "rm -r d new; echo top > top");
  EXPECT_FALSE(HasTree(kMiddle));
  EXPECT_EQ(snapshots_.DiffId(kTop), snapshots_.DiffId(kOther));
  EXPECT_EQ(top, Describe(kTop));
}

TEST_F(HandedOnTest, AChainIsMadeAgainFromItsBase) {
  SnapshotId parent = kMiddle;
  for (int i = 0; i < 20; ++i) {
    char id[16];
    std::snprintf(id, sizeof id, "c4a10000%02x", static_cast<unsigned>(i));
    snapshots_.Make(id, parent,
                    "echo " + std::to_string(i) + " > d/n; chmod 7" +
                        std::to_string(i % 8) +
                        "5 d/sub; mv new/f new/t; "
                        "cp -p new/t new/f; rm new/t");
    parent = id;
  }
  EXPECT_TRUE(HasTree(parent));
  EXPECT_FALSE(HasTree("c4a1000012"));
  // The last but one, without its tree.
  snapshots_.Make(kTop, "c4a1000012",
                  "cat d/n > seen; stat -c %a d/sub > mode");
  auto root = snapshots_->View(kTop);
  ASSERT_TRUE(root);
  RunShell(root->fd.get(),
           "test $(cat seen) = 18; test $(cat mode) = 725; "
           "test $(cat new/f) = new; test ! -e gone");
}

TEST_F(HandedOnTest, NobodyTakesWhatSomebodyReads) {
  auto reader = snapshots_->View(kMiddle);
  ASSERT_TRUE(reader);
  snapshots_.Make(kTop, kMiddle, "echo three > d/f");
  EXPECT_TRUE(HasTree(kMiddle));
  EXPECT_EQ((Lines{"M d/f"}), snapshots_.Diff(kTop));
  RunShell(reader->fd.get(), "test $(cat d/f) = two");
}

TEST_F(HandedOnTest, WhoReadsTheLayerIsNotInTheWay) {
  auto diff = snapshots_->Diff(kMiddle);
  ASSERT_TRUE(diff);
  snapshots_.Make(kTop, kMiddle, "echo three > d/f; rm -r new");
  EXPECT_FALSE(HasTree(kMiddle));
  RunShell(diff->root.get(), "test $(cat d/f) = two; test $(cat new/g) = new");
  // Directories that are not in it are known, though they have no copy.
  auto journal = snapshots_->Journal(kMiddle);
  ASSERT_TRUE(journal);
  ASSERT_TRUE(AddLeadingDirectories(*journal, *diff));
  EXPECT_EQ("d", diff->changes[0].path);
  EXPECT_EQ(0u + S_IFDIR + 0755, diff->changes[0].metadata.mode);
}

TEST_F(HandedOnTest, AFailedStepLeavesItsParentAsItWas) {
  const std::string before = Describe(kMiddle);
  {
    auto active = snapshots_->Prepare(SnapshotId(kMiddle));
    ASSERT_TRUE(active);
    auto root = snapshots_->Mount(**active);
    ASSERT_TRUE(root);
    RunShell(root->fd.get(), "rm -r new; echo broken > d/f");
  }
  EXPECT_TRUE(NothingIsActive());
  EXPECT_EQ(before, Describe(kMiddle));
}

TEST_F(HandedOnTest, SoDoesOneThatWasKilled) {
  const std::string before = Describe(kMiddle);
  const pid_t pid = ::fork();
  if (pid == 0) {
    auto active = snapshots_->Prepare(SnapshotId(kMiddle));
    auto root = snapshots_->Mount(**active);
    RunShell(root->fd.get(), "rm -r new; echo broken > d/f");
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(pid, ::waitpid(pid, &status, 0));
  EXPECT_FALSE(HasTree(kMiddle));
  EXPECT_EQ((Lines{"M d/f", "D gone", "M new", "M new/f", "M new/g"}),
            snapshots_.Diff(kMiddle));
  EXPECT_EQ(before, Describe(kMiddle));
  ASSERT_TRUE(snapshots_->RemoveAbandoned());
  EXPECT_TRUE(NothingIsActive());
  EXPECT_EQ(before, Describe(kMiddle));
}

TEST_F(HandedOnTest, IsRemovedUnlessInUse) {
  auto diff = snapshots_->Diff(kMiddle);
  ASSERT_TRUE(diff);
  auto removed = snapshots_->Remove(kMiddle);
  ASSERT_FALSE(removed);
  EXPECT_EQ(ErrorCode::kUnavailable, removed.error().code());
  diff->root.reset();
  snapshots_.Make(kTop, kMiddle, "true");
  ASSERT_TRUE(snapshots_->Remove(kTop));
  ASSERT_TRUE(snapshots_->Remove(kMiddle));
  EXPECT_FALSE(snapshots_->Exists(kMiddle));
  EXPECT_TRUE(NothingIsActive());
}

TEST_F(HandedOnTest, SaysWhatIsMissing) {
  snapshots_.Make(kTop, kMiddle, "true");
  ASSERT_TRUE(snapshots_->Remove(kBase));
  auto root = snapshots_->View(kMiddle);
  ASSERT_FALSE(root);
  EXPECT_EQ(ErrorCode::kNotFound, root.error().code());
}

TEST_F(HandedOnTest, OnlyWhatWasTouchedIsLookedAt) {
  auto make = [&](const SnapshotId& id, const SnapshotId& parent,
                  const std::string& script, std::set<std::string> touched) {
    auto active = snapshots_->Prepare(parent);
    ASSERT_TRUE(active);
    RunShell(snapshots_->Mount(**active)->fd.get(), script);
    (*active)->SetTouched(std::move(touched));
    (*active)->SetHandedOn();
    ASSERT_TRUE(snapshots_->Commit(*std::move(active), id));
  };
  make(kTop, kMiddle, "echo 3 > d/f; echo unseen > d/sub/f; rm -r new",
       {"d/f", "new/"});
  EXPECT_EQ((Lines{"M d/f", "D new"}), snapshots_.Diff(kTop));
  // The scan that it left knows of what it was told, and of nothing else.
  make(kOther, kTop, "mkdir new; echo 4 > new/f", {"new/"});
  EXPECT_EQ((Lines{"M new", "M new/f"}), snapshots_.Diff(kOther));
  snapshots_.Make("ffffffff", kOther, "true");
  EXPECT_EQ((Lines{"M d/sub/f"}), snapshots_.Diff("ffffffff"));
}

TEST_F(HandedOnTest, ProcessesAndThreadsMayWantTheSameTree) {
  const std::string before = Describe(kMiddle);
  auto work = [&](int who) {
    SnapshotId parent = kMiddle;
    for (int i = 0; i < 5; ++i) {
      char id[16];
      std::snprintf(id, sizeof id, "%08x", who * 256 + i);
      snapshots_.Make(id, parent, "echo " + std::to_string(i) + " > d/f");
      EXPECT_EQ((Lines{"M d/f"}), snapshots_.Diff(id));
      EXPECT_TRUE(snapshots_->View(kMiddle));
      EXPECT_TRUE(snapshots_->RemoveAbandoned());
      if (i % 2 == 1) parent = id;
    }
  };
  auto two_threads = [&](int first) {
    std::jthread a(work, first), b(work, first + 1);
  };
  const pid_t pid = ::fork();
  if (pid == 0) {
    two_threads(1);
    ::fflush(nullptr);
    ::_exit(HasFailure() ? 1 : 0);
  }
  two_threads(3);
  int status = 0;
  ASSERT_EQ(pid, ::waitpid(pid, &status, 0));
  EXPECT_EQ(0, status);
  EXPECT_EQ(2u + 4u * 5u, snapshots_->List()->size());
  EXPECT_TRUE(NothingIsActive());
  EXPECT_EQ(before, Describe(kMiddle));
}

}  // namespace
}  // namespace strake::builder::snapshot
