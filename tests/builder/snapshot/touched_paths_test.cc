// The diff of what a step says it touched is the diff of the whole trees.

#include "builder/snapshot/touched_paths.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "builder/sandbox/notify/notify_sandbox.h"
#include "builder/snapshot/probe_snapshotter.h"
#include "builder/snapshot/snapshotter.h"
#include "tests/builder/snapshot/snapshot_testing.h"
#include "tests/support/temp_dir.h"

namespace strake::builder::snapshot {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kBase = "ba5e0000";
constexpr const char* kTop = "70900000";

constexpr unsigned kSeeds = 12;

constexpr const char* kBaseScript = R"(
  mkdir -p a/b c; echo one > a/f; echo two > a/b/f; echo three > c/f
  ln a/f c/g; ln -s ../a c/b; echo four > f; ln f a/b/g; chmod 2755 c
)";

Lines InWords(const SnapshotDiff& diff) {
  Lines lines;
  for (const oci::Change& change : diff.changes) {
    const oci::FileMetadata& file = change.metadata;
    lines.push_back((change.kind == oci::ChangeKind::kDeleted ? "D " : "M ") +
                    change.path + " " + std::to_string(file.mode) + " " +
                    std::to_string(file.uid) + ":" + std::to_string(file.gid) +
                    " " + std::to_string(file.size_bytes) + " " +
                    std::to_string(file.link_count));
  }
  return lines;
}

class TouchedPathsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened =
        OpenSnapshotter(directory_.path(), "plain", OwnershipForm::kVirtual);
    ASSERT_TRUE(opened);
    snapshotter_ = std::move(opened->snapshotter);
  }

  std::unique_ptr<ActiveSnapshot> Begin(const std::optional<SnapshotId>& on) {
    auto active = snapshotter_->Prepare(on);
    EXPECT_TRUE(active);
    return *std::move(active);
  }

  // The diff of what was touched and, without the file that says what was, of
  // the whole tree.
  void ExpectSameDiffs(const std::string& what) {
    auto quick = snapshotter_->Diff(kTop);
    auto root = snapshotter_->View(kTop);
    ASSERT_TRUE(root);
    ASSERT_EQ(unlink((root->path + "/../touched").c_str()), 0);
    auto whole = snapshotter_->Diff(kTop);
    ASSERT_TRUE(quick && whole) << what;
    EXPECT_EQ(InWords(*quick), InWords(*whole)) << what;
  }

  testing::TempDir directory_;
  std::unique_ptr<Snapshotter> snapshotter_;
};

TEST_F(TouchedPathsTest, WhatIsNotTouchedIsNotLookedAt) {
  auto base = Begin({});
  RunShell(snapshotter_->Mount(*base)->fd.get(), kBaseScript);
  ASSERT_TRUE(snapshotter_->Commit(std::move(base), kBase));
  auto top = Begin(kBase);
  RunShell(snapshotter_->Mount(*top)->fd.get(),
           "echo changed > a/b/f; echo unseen > c/f");
  top->SetTouched({"a/b/f"});
  ASSERT_TRUE(snapshotter_->Commit(std::move(top), kTop));
  auto diff = snapshotter_->Diff(kTop);
  ASSERT_TRUE(diff);
  ASSERT_EQ(diff->changes.size(), 1U);
  EXPECT_EQ(diff->changes[0].path, "a/b/f");
}

TEST_F(TouchedPathsTest, ATouchedListSurvivesTheDisk) {
  const std::set<std::string> touched = {"a", "a/\n b", "c/"};
  EXPECT_EQ(ParseTouched(SerializeTouched(touched)), touched);
  EXPECT_TRUE(ParseTouched("").empty());
}

// Commands over a few names, some of which fail.
class RandomScript {
 public:
  explicit RandomScript(unsigned seed) : random_(seed) {}

  std::string Make(int commands) {
    std::string script;
    for (int i = 0; i < commands; ++i) {
      script += Command() + " 2>/dev/null || true\n";
    }
    return script;
  }

 private:
  std::string Name() {
    static const std::array names = {"a",     "a/b", "a/f", "a/b/f", "a/b/g",
                                     "a/new", "c",   "c/b", "c/f",   "c/g",
                                     "c/new", "new", "f",   "c/d/e", "d"};
    return names[random_() % names.size()];
  }

  std::string Command() {
    const std::string p = Name();
    const std::string q = Name();
    switch (random_() % 16) {
      case 0:
        return "echo " + p + " > " + q;
      case 1:
        return "echo more >> " + p;
      case 2:
        return "rm -f " + p;
      case 3:
        return "rm -rf " + p;
      case 4:
        return "mkdir " + p;
      case 5:
        return "mkdir -p " + p;
      case 6:
      case 7:
        return "mv " + p + " " + q;
      case 8:
        return "mv -T " + p + " " + q;
      case 9:
        return "ln " + p + " " + q;
      case 10:
        return "ln -s " + p + " " + q;
      case 11:
        return "chmod 2711 " + p;
      case 12:
        return "chown 5:6 " + p;
      case 13:
        return "touch -d 2001-02-03 " + p;
      case 14:
        // Written to after it got another name, and a directory renamed twice.
        return "( exec 3>> " + p + "; mv " + q + " " + q +
               "x; echo late >&3; mv " + q + "x " + q + " )";
      default:
        return "cp -a " + p + " " + q;
    }
  }

  std::mt19937 random_;
};

TEST_F(TouchedPathsTest, NotifyMissesNothing) {
  if (Status probed = sandbox::ProbeNotify(); !probed) {
    GTEST_SKIP() << probed.error().message();
  }
  std::string busybox = "/bin/busybox";
  if (access(busybox.c_str(), X_OK) != 0) busybox = "/usr/bin/busybox";
  if (access(busybox.c_str(), X_OK) != 0) {
    GTEST_SKIP() << "needs busybox-static";
  }
  auto base = Begin({});
  RunShell(snapshotter_->Mount(*base)->fd.get(),
           std::string(kBaseScript) + "mkdir bin; cp " + busybox +
               " bin/busybox; for i in sh mkdir mv rm ln chmod chown touch cp; "
               "do ln -s busybox bin/$i; done");
  ASSERT_TRUE(snapshotter_->Commit(std::move(base), kBase));
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    auto top = Begin(kBase);
    const std::string script = RandomScript(seed).Make(25);
    std::optional<std::set<std::string>> touched;
    {
      auto root = snapshotter_->Mount(*top);
      ASSERT_TRUE(root);
      sandbox::ProcessSpec spec;
      spec.argv = {"/bin/sh", "-c", script};
      spec.env = {"PATH=/bin"};
      spec.root.path = root->path;
      spec.journal = &top->journal();
      spec.touched = &touched;
      sandbox::NotifySandbox sandbox;
      ASSERT_TRUE(sandbox.Run(spec, {}, {}));
    }
    ASSERT_TRUE(touched);
    top->SetTouched(*std::move(touched));
    ASSERT_TRUE(snapshotter_->Commit(std::move(top), kTop));
    ExpectSameDiffs("seed " + std::to_string(seed) + "\n" + script);
    ASSERT_TRUE(snapshotter_->Remove(kTop));
  }
}

}  // namespace
}  // namespace strake::builder::snapshot
