#include "builder/snapshot/snapshotter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "oci/layer_applier.h"
#include "tests/builder/snapshot/snapshot_testing.h"
#include "util/byte_stream.h"
#include "util/rooted_fs.h"

namespace strake::builder::snapshot {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kBase = "ba5e0000";
constexpr const char* kTop = "70900000";

std::string ReadAt(int root, const char* path) {
  auto fd = OpenInRoot(root, path, O_RDONLY);
  if (!fd) return fd.error().message();
  FdSource source(std::move(*fd));
  auto text = ReadAll(source, 10000);
  return text ? *text : text.error().message();
}

size_t EntriesIn(const std::string& directory) {
  size_t count = 0;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(directory, error)) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

size_t CountMounts(const std::string& text) {
  std::ifstream mounts("/proc/self/mountinfo");
  size_t count = 0;
  for (std::string line; std::getline(mounts, line);) {
    if (line.find(text) != std::string::npos) ++count;
  }
  return count;
}

class SnapshotterTest : public ::testing::TestWithParam<const char*> {
 protected:
  SnapshotterTest() : snapshots_(GetParam()) {}
  void SetUp() override {
    if (!snapshots_) GTEST_SKIP() << snapshots_.reason();
  }
  std::string ActiveDirectory() const { return snapshots_.store() + "/active"; }
  std::string ReadIn(const SnapshotId& id, const char* path) {
    auto root = snapshots_->View(id);
    return root ? ReadAt(root->fd.get(), path) : root.error().message();
  }

  SnapshotterUnderTest snapshots_;
};

INSTANTIATE_TEST_SUITE_P(Kind, SnapshotterTest,
                         ::testing::Values("overlay", "plain", "handed"),
                         [](const auto& info) { return info.param; });

TEST_P(SnapshotterTest, BeginsWithAnEmptyRoot) {
  auto active = snapshots_->Prepare({});
  ASSERT_TRUE(active) << active.error().message();
  auto root = snapshots_->Mount(**active);
  ASSERT_TRUE(root) << root.error().message();
  struct stat st;
  ASSERT_EQ(0, ::fstat(root->fd.get(), &st));
  EXPECT_EQ(0u + S_IFDIR + 0755, st.st_mode);
  EXPECT_EQ(0u, st.st_uid);
  EXPECT_EQ(0u, st.st_gid);
}

TEST_P(SnapshotterTest, ShowsParentsAndKeepsThemAsTheyAre) {
  snapshots_.Make(kBase, {}, "echo base > file; echo kept > kept");
  snapshots_.Make(kTop, kBase, "echo top > file; rm kept");
  EXPECT_EQ("base\n", ReadIn(kBase, "file"));
  EXPECT_EQ("kept\n", ReadIn(kBase, "kept"));
  EXPECT_EQ("top\n", ReadIn(kTop, "file"));
  EXPECT_NE("kept\n", ReadIn(kTop, "kept"));
}

TEST_P(SnapshotterTest, InheritsTheRootDirectory) {
  snapshots_.Make(kBase, {}, "chmod 1711 .; touch -d @1000000 .");
  snapshots_.Make(kTop, kBase, "true");
  auto root = snapshots_->View(kTop);
  ASSERT_TRUE(root) << root.error().message();
  struct stat st;
  ASSERT_EQ(0, ::fstat(root->fd.get(), &st));
  EXPECT_EQ(01711u, st.st_mode & 07777u);
  EXPECT_EQ(1000000, st.st_mtim.tv_sec);
}

TEST_P(SnapshotterTest, ASecondMountShowsWhatTheFirstWrote) {
  auto active = snapshots_->Prepare({});
  ASSERT_TRUE(active);
  {
    auto root = snapshots_->Mount(**active);
    ASSERT_TRUE(root);
    RunShell(root->fd.get(), "mkdir d; echo one > d/file");
  }
  auto root = snapshots_->Mount(**active);
  ASSERT_TRUE(root) << root.error().message();
  EXPECT_EQ("one\n", ReadAt(root->fd.get(), "d/file"));
  auto also = snapshots_->Mount(**active);  // while the first is only read
  ASSERT_TRUE(also) << also.error().message();
  EXPECT_EQ("one\n", ReadAt(also->fd.get(), "d/file"));
}

TEST_P(SnapshotterTest, NoMountIsVisibleAndNoneIsLeft) {
  snapshots_.Make(kBase, {}, "echo x > file");
  auto root = snapshots_->View(kBase);
  ASSERT_TRUE(root);
  EXPECT_EQ(0u, CountMounts(snapshots_.directory()));
}

TEST_P(SnapshotterTest, ADroppedOneLeavesNothing) {
  {
    auto active = snapshots_->Prepare({});
    ASSERT_TRUE(active);
    auto root = snapshots_->Mount(**active);
    ASSERT_TRUE(root);
    RunShell(root->fd.get(), "mkdir -p a/b; echo x > a/b/c; chmod 0 a");
    EXPECT_EQ(1u, EntriesIn(ActiveDirectory()));
  }
  EXPECT_EQ(0u, EntriesIn(ActiveDirectory()));
  EXPECT_TRUE(snapshots_->List()->empty());
}

TEST_P(SnapshotterTest, CommitsUnderAName) {
  EXPECT_FALSE(snapshots_->Exists(kBase));
  snapshots_.Make(kBase, {}, "echo x > file");
  EXPECT_TRUE(snapshots_->Exists(kBase));
  EXPECT_EQ(0u, EntriesIn(ActiveDirectory()));
  snapshots_.Make("00000000", kBase, "true");
  EXPECT_EQ((std::vector<SnapshotId>{"00000000", kBase}), *snapshots_->List());
}

TEST_P(SnapshotterTest, ASecondCommitOfANameIsThrownAway) {
  snapshots_.Make(kBase, {}, "echo first > file");
  snapshots_.Make(kBase, {}, "echo second > file");
  EXPECT_EQ("first\n", ReadIn(kBase, "file"));
  EXPECT_EQ(0u, EntriesIn(ActiveDirectory()));
}

TEST_P(SnapshotterTest, RejectsNamesThatAreNone) {
  for (const char* id : {"", "../../x", "abc", "ABCDEF00", "0000000g"}) {
    auto active = snapshots_->Prepare({});
    ASSERT_TRUE(active);
    auto committed = snapshots_->Commit(*std::move(active), id);
    ASSERT_FALSE(committed) << id;
    EXPECT_EQ(ErrorCode::kInvalidArgument, committed.error().code());
    EXPECT_FALSE(snapshots_->Exists(id));
  }
  EXPECT_EQ(0u, EntriesIn(ActiveDirectory()));
}

TEST_P(SnapshotterTest, ReportsWhatDoesNotExist) {
  auto active = snapshots_->Prepare(SnapshotId("deadbeef"));
  ASSERT_FALSE(active);
  EXPECT_EQ(ErrorCode::kNotFound, active.error().code());
  EXPECT_EQ(ErrorCode::kNotFound, snapshots_->View("deadbeef").error().code());
  EXPECT_EQ(ErrorCode::kNotFound, snapshots_->Diff("deadbeef").error().code());
  EXPECT_TRUE(snapshots_->Remove("deadbeef"));
}

TEST_P(SnapshotterTest, RemovesWhatNobodyUses) {
  snapshots_.Make(kBase, {}, "mkdir d; echo x > d/file; chmod 0 d");
  {
    auto root = snapshots_->View(kBase);
    ASSERT_TRUE(root);
    auto removed = snapshots_->Remove(kBase);
    ASSERT_FALSE(removed);
    EXPECT_EQ(ErrorCode::kUnavailable, removed.error().code());
  }
  {
    auto child = snapshots_->Prepare(SnapshotId(kBase));
    ASSERT_TRUE(child);
    EXPECT_FALSE(snapshots_->Remove(kBase));
  }
  auto removed = snapshots_->Remove(kBase);
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_FALSE(snapshots_->Exists(kBase));
  EXPECT_EQ(0u, EntriesIn(ActiveDirectory()));
}

TEST_P(SnapshotterTest, RemovesWhatDeadProcessesLeft) {
  auto mine = snapshots_->Prepare({});
  ASSERT_TRUE(mine);
  int ready[2];
  ASSERT_EQ(0, ::pipe2(ready, O_CLOEXEC));
  pid_t pid = ::fork();
  if (pid == 0) {
    auto active = snapshots_->Prepare({});
    auto root = snapshots_->Mount(**active);
    RunShell(root->fd.get(), "mkdir d; echo x > d/file");
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    ::pause();
  }
  char byte;
  ASSERT_EQ(1, ::read(ready[0], &byte, 1));
  ASSERT_TRUE(snapshots_->RemoveAbandoned());
  EXPECT_EQ(2u, EntriesIn(ActiveDirectory()));  // both live
  ::kill(pid, SIGKILL);
  int status;
  ASSERT_EQ(pid, ::waitpid(pid, &status, 0));
  auto removed = snapshots_->RemoveAbandoned();
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_EQ(1u, EntriesIn(ActiveDirectory()));
  EXPECT_TRUE(snapshots_->Mount(**mine));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_P(SnapshotterTest, TwoProcessesAndFourThreadsShareOneDirectory) {
  snapshots_.Make(kBase, {}, "mkdir d; echo x > d/file");
  auto work = [&](int who) {
    // Half of the names are the same for all.
    for (int i = 0; i < 10; ++i) {
      char id[16];
      std::snprintf(id, sizeof id, "%08x", i % 2 == 0 ? i : who * 256 + i);
      auto active = snapshots_->Prepare(SnapshotId(kBase));
      EXPECT_TRUE(active) << active.error().message();
      {
        auto root = snapshots_->Mount(**active);
        EXPECT_TRUE(root) << root.error().message();
        EXPECT_EQ(0, ::mkdirat(root->fd.get(), "d/new", 0755));
      }
      auto committed = snapshots_->Commit(*std::move(active), id);
      EXPECT_TRUE(committed) << committed.error().message();
      auto diff = snapshots_->Diff(id);
      EXPECT_TRUE(diff) << diff.error().message();
      EXPECT_EQ(2u, diff->changes.size());
      EXPECT_TRUE(snapshots_->RemoveAbandoned());
    }
  };
  auto two_threads = [&](int first) {
    std::jthread a(work, first), b(work, first + 1);
  };
  pid_t pid = ::fork();
  if (pid == 0) {
    two_threads(1);
    ::fflush(nullptr);
    ::_exit(HasFailure() ? 1 : 0);
  }
  two_threads(3);
  int status;
  ASSERT_EQ(pid, ::waitpid(pid, &status, 0));
  EXPECT_EQ(0, status);
  EXPECT_EQ(1u + 5u + 4u * 5u, snapshots_->List()->size());
  EXPECT_EQ(0u, EntriesIn(ActiveDirectory()));
}

// A layer, as GNU tar writes them.
class LayerFile {
 public:
  // Packs what `script` makes, and only what is listed in `names`.
  LayerFile(const std::string& script, const std::string& names) {
    RunShell(dir_.fd(), "mkdir tree; cd tree\n" + script +
                            "\ntar -cf ../layer.tar --no-recursion " + names);
  }
  Result<oci::LayerApplySummary> ApplyTo(const LayerTarget& target) {
    auto fd = OpenFile(dir_.path("layer.tar").c_str(), O_RDONLY);
    if (!fd) return fd.error();
    FdSource source(std::move(*fd));
    return oci::ApplyLayer(source, target.directory.get(), target.options);
  }

 private:
  testing::TempDir dir_;
};

void Unpack(SnapshotterUnderTest& snapshots, const SnapshotId& id,
            const std::optional<SnapshotId>& parent, LayerFile& layer) {
  auto active = snapshots->Prepare(parent);
  ASSERT_TRUE(active) << active.error().message();
  {
    auto target = snapshots->Target(**active);
    ASSERT_TRUE(target) << target.error().message();
    auto applied = layer.ApplyTo(*target);
    ASSERT_TRUE(applied) << applied.error().message();
  }
  auto committed = snapshots->Commit(*std::move(active), id);
  ASSERT_TRUE(committed) << committed.error().message();
}

TEST_P(SnapshotterTest, UnpacksLayersOnTopOfEachOther) {
  LayerFile base(
      "mkdir -p d/keep t; echo 1 > d/one; echo 2 > d/two; echo 3 > d/three; "
      "echo t > t/old; chmod 1777 t",
      "d d/keep d/one d/two d/three t t/old");
  // Deletes a file, empties a directory, leaves out the directories around.
  LayerFile top(
      "mkdir d t; echo new > d/new; : > d/.wh.one; : > t/.wh..wh..opq; "
      "echo new > t/new",
      "d/new d/.wh.one t/.wh..wh..opq t/new");
  Unpack(snapshots_, kBase, {}, base);
  Unpack(snapshots_, kTop, kBase, top);
  Lines lines = snapshots_.Diff(kTop);
  std::erase(lines, "M d");  // times of directories that the layer lacks
  std::erase(lines, "M t");
  EXPECT_EQ((Lines{"M d/new", "D d/one", "M t/new", "D t/old"}), lines);
  auto root = snapshots_->View(kTop);
  ASSERT_TRUE(root);
  EXPECT_EQ("2\n", ReadAt(root->fd.get(), "d/two"));
  auto t = StatInRoot(root->fd.get(), "t", FollowLast::kNo);
  ASSERT_TRUE(t && *t);
  EXPECT_EQ(01777u, (*t)->st_mode & 07777u) << "an implied directory changed";
}

TEST_P(SnapshotterTest, UnpacksADiffToTheSameTree) {
  LayerFile base(
      "mkdir -p a/b; echo x > a/b/file; ln a/b/file a/link; "
      "ln -s b a/symlink; mkfifo a/fifo",
      "a a/b a/b/file a/link a/symlink a/fifo");
  Unpack(snapshots_, kBase, {}, base);
  EXPECT_EQ((Lines{"M a", "M a/b", "M a/b/file", "M a/fifo", "M a/link",
                   "M a/symlink"}),
            snapshots_.Diff(kBase));
  EXPECT_EQ(2u, snapshots_.Metadata(kBase, "a/link").link_count);
}

// What a sandbox does with a root: attaches it in a mount namespace of its own.
TEST(OverlaySnapshotterTest, ADetachedMountCanBeARoot) {
  SnapshotterUnderTest snapshots("overlay");
  if (!snapshots) GTEST_SKIP() << snapshots.reason();
  snapshots.Make(kBase, {}, "mkdir d; echo x > d/file");
  auto active = snapshots->Prepare(SnapshotId(kBase));
  ASSERT_TRUE(active);
  {
    auto root = snapshots->Mount(**active);
    ASSERT_TRUE(root);
    testing::TempDir mount_point;
    pid_t pid = ::fork();
    if (pid == 0) {
      constexpr int kEmptyPath = 4;  // MOVE_MOUNT_F_EMPTY_PATH
      bool ok = ::unshare(CLONE_NEWNS) == 0 &&
                ::mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) == 0 &&
                ::syscall(SYS_move_mount, root->fd.get(), "", AT_FDCWD,
                          mount_point.path().c_str(), kEmptyPath) == 0 &&
                ::chroot(mount_point.path().c_str()) == 0 &&
                ::chdir("/") == 0 && ::unlink("/d/file") == 0 &&
                ::mkdir("/made", 0755) == 0;
      ::_exit(ok ? 0 : 1);
    }
    int status;
    ASSERT_EQ(pid, ::waitpid(pid, &status, 0));
    ASSERT_EQ(0, status);
  }
  ASSERT_TRUE(snapshots->Commit(*std::move(active), kTop));
  EXPECT_EQ((Lines{"M d", "D d/file", "M made"}), snapshots.Diff(kTop));
}

TEST(OverlaySnapshotterTest, AViewCannotBeWritten) {
  SnapshotterUnderTest snapshots("overlay");
  if (!snapshots) GTEST_SKIP() << snapshots.reason();
  snapshots.Make(kBase, {}, "echo x > file");
  auto root = snapshots->View(kBase);
  ASSERT_TRUE(root);
  EXPECT_EQ(-1, ::unlinkat(root->fd.get(), "file", 0));
  EXPECT_EQ(EROFS, errno);
}

TEST(OverlaySnapshotterTest, Stacks150Layers) {
  SnapshotterUnderTest snapshots("overlay");
  if (!snapshots) GTEST_SKIP() << snapshots.reason();
  constexpr int kLayers = 150;
  auto id = [](int i) {
    return std::string(61, 'a') + std::to_string(100 + i);
  };
  for (int i = 0; i < kLayers; ++i) {
    std::optional<SnapshotId> parent;
    if (i > 0) parent = id(i - 1);
    snapshots.Make(id(i), parent, [&](int root) {
      if (i == 0) {
        ASSERT_EQ(0, ::mkdirat(root, "d", 0755));
      }
      std::string name = "d/" + std::to_string(i);
      ASSERT_EQ(0, ::mkdirat(root, name.c_str(), 0755));
      if (i > 1) {
        name = "d/" + std::to_string(i - 1);
        ASSERT_EQ(0, ::unlinkat(root, name.c_str(), AT_REMOVEDIR));
      }
    });
    ASSERT_FALSE(::testing::Test::HasFailure()) << "layer " << i;
  }
  auto root = snapshots->View(id(kLayers - 1));
  ASSERT_TRUE(root) << root.error().message();
  EXPECT_EQ(0, ::faccessat(root->fd.get(), "d/0", F_OK, 0));
  EXPECT_EQ(0, ::faccessat(root->fd.get(), "d/149", F_OK, 0));
  EXPECT_NE(0, ::faccessat(root->fd.get(), "d/148", F_OK, 0));
  EXPECT_EQ((Lines{"M d", "D d/148", "M d/149"}),
            snapshots.Diff(id(kLayers - 1)));
}

TEST(OverlaySnapshotterTest, TakesAnyDirectoryName) {
  testing::TempDir dir;
  std::string odd = dir.path("a,b:c\\d =e");
  auto choice = OpenSnapshotter(odd, "overlay", TestOwnership());
  if (!choice) GTEST_SKIP() << choice.error().message();
  auto active = choice->snapshotter->Prepare({});
  ASSERT_TRUE(active);
  {
    auto root = choice->snapshotter->Mount(**active);
    ASSERT_TRUE(root) << root.error().message();
    ASSERT_EQ(0, ::mkdirat(root->fd.get(), "d", 0755));
  }
  ASSERT_TRUE(choice->snapshotter->Commit(*std::move(active), kBase));
  EXPECT_TRUE(choice->snapshotter->View(kBase));
}

TEST(ProbeSnapshotterTest, SaysWhatItChoseAndWhy) {
  testing::TempDir dir;
  auto choice = OpenSnapshotter(dir.path("store"), "auto", TestOwnership());
  ASSERT_TRUE(choice) << choice.error().message();
  EXPECT_NE("", choice->reason);
  EXPECT_EQ(0u, EntriesIn(dir.path("store/overlay/active")));
  auto plain = OpenSnapshotter(dir.path("store"), "plain", TestOwnership());
  ASSERT_TRUE(plain);
  EXPECT_EQ("plain", plain->snapshotter->name());
  auto wrong = OpenSnapshotter(dir.path("store"), "zfs", TestOwnership());
  ASSERT_FALSE(wrong);
  EXPECT_EQ(ErrorCode::kInvalidArgument, wrong.error().code());
}

}  // namespace
}  // namespace strake::builder::snapshot
