// What user space makes of a stack of layers is compared with what the kernel
// shows of the same stack.

#include "builder/snapshot/overlay_layers.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "builder/snapshot/overlay_links.h"
#include "builder/snapshot/overlay_mount.h"
#include "tests/builder/snapshot/snapshot_testing.h"
#include "util/thread.h"
#include "util/tree_walk.h"

namespace strake::builder::snapshot {
namespace {

// Three layers, top first, with each kind of mark in each kind of place.
class OverlayLayersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    RunShell(dir_.fd(), R"(
      mkdir -p 2/merged/sub 2/opaque/sub 2/deleted 2/file_over_dir/x
      mkdir -p 2/hidden/deep
      echo 2 > 2/merged/two; echo 2 > 2/merged/both; echo 2 > 2/merged/sub/two
      echo 2 > 2/opaque/two; echo 2 > 2/opaque/sub/two; echo 2 > 2/deleted/x
      echo 2 > 2/dir_over_file; echo 2 > 2/hidden/deep/two; echo 2 > 2/back

      mkdir -p 1/merged/sub 1/opaque 1/dir_over_file
      echo 1 > 1/merged/both; echo 1 > 1/merged/sub/one; echo 1 > 1/opaque/one
      echo 1 > 1/file_over_dir; echo 1 > 1/dir_over_file/one
      mknod 1/deleted c 0 0; mknod 1/merged/two c 0 0; mknod 1/hidden c 0 0
      mknod 1/back c 0 0

      mkdir -p 0/merged 0/opaque/sub 0/hidden/deep
      echo 0 > 0/opaque/sub/zero; echo 0 > 0/hidden/deep/zero; echo 0 > 0/back
      mkdir 0/empty
    )");
    ASSERT_TRUE(
        SetXattrAt(dir_.fd(), "1/opaque", "trusted.overlay.opaque", "y"));
    ASSERT_TRUE(
        SetXattrAt(dir_.fd(), "0/hidden", "trusted.overlay.opaque", "y"));
  }
  OverlayLayers Layers() {
    return OverlayLayers(dir_.fd(), {"0", "1", "2"}, OverlayXattrs::kTrusted);
  }

  testing::TempDir dir_;
};

// All paths below `directory`, in no order.
void Collect(OverlayLayers& layers, const OverlayLayers::Directory& directory,
             std::set<std::string>& paths) {
  auto names = layers.List(directory);
  ASSERT_TRUE(names) << names.error().message();
  for (const std::string& name : *names) {
    auto entry = layers.Find(directory, name);
    ASSERT_TRUE(entry && *entry) << name;
    std::string path =
        directory.path.empty() ? name : directory.path + "/" + name;
    EXPECT_TRUE(paths.insert(path).second) << path;
    Collect(layers, (*entry)->directory, paths);
  }
}

TEST_F(OverlayLayersTest, ShowsWhatTheKernelShows) {
  OverlayMountSpec spec;
  spec.scratch = dir_.path();
  spec.lowers = {dir_.path("0"), dir_.path("1"), dir_.path("2")};
  auto root = MountOverlay(spec);
  ASSERT_TRUE(root) << root.error().message();
  OverlayLayers layers = Layers();
  std::set<std::string> kernels, ours;
  ASSERT_TRUE(WalkTree(root->get(), {}, [&](const TreeEntry& entry) {
    std::string path(entry.path);
    auto found = layers.FindPath(path);
    EXPECT_TRUE(found && *found) << path;
    if (found && *found) {
      EXPECT_EQ(entry.stat->stx_mode, (*found)->stat.stx_mode) << path;
      EXPECT_EQ(entry.stat->stx_size, (*found)->stat.stx_size) << path;
      EXPECT_EQ(S_ISDIR(entry.stat->stx_mode), !(*found)->directory.empty());
    }
    kernels.insert(std::move(path));
    return TreeStep::kContinue;
  }));
  Collect(layers, layers.Root(), ours);
  EXPECT_EQ(kernels, ours);
  EXPECT_EQ(1u, ours.count("hidden/deep/zero"));
  EXPECT_EQ(0u, ours.count("hidden/deep/two"));
}

// Kernels before 6.13 are mounted for so; this one may be newer.
TEST_F(OverlayLayersTest, LinksMountWhatDescriptorsMount) {
  OverlayMountSpec spec;
  spec.scratch = dir_.path();
  spec.lowers = {dir_.path("0"), dir_.path("1"), dir_.path("2")};
  Result<UniqueFd> linked = Internal("the thread did not run");
  ASSERT_TRUE(RunInThread([&] {
    if (::unshare(CLONE_FS | CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      linked = ErrnoError("make a mount namespace");
      return;
    }
    linked = MountThroughLinks(spec);
  }));
  ASSERT_TRUE(linked) << linked.error().message();
  auto mounted = MountOverlay(spec);
  ASSERT_TRUE(mounted) << mounted.error().message();
  auto paths = [](int root) {
    std::set<std::string> found;
    EXPECT_TRUE(WalkTree(root, {}, [&](const TreeEntry& entry) {
      found.insert(std::string(entry.path));
      return TreeStep::kContinue;
    }));
    return found;
  };
  EXPECT_EQ(paths(linked->get()), paths(mounted->get()));
  EXPECT_EQ(1u, paths(linked->get()).count("hidden/deep/zero"));
  // The links are gone again.
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
    EXPECT_EQ(1u, entry.path().filename().string().size()) << entry.path();
  }
}

TEST_F(OverlayLayersTest, FindsNothingWhereNothingIs) {
  OverlayLayers layers = Layers();
  for (const char* path : {"none", "deleted", "deleted/x", "merged/two",
                           "opaque/two", "back/x", "file_over_dir/x"}) {
    auto found = layers.FindPath(path);
    ASSERT_TRUE(found) << path;
    EXPECT_FALSE(*found) << path;
  }
}

TEST_F(OverlayLayersTest, SaysWhereAFileIs) {
  OverlayLayers layers = Layers();
  EXPECT_EQ("1/merged/both", (*layers.FindPath("merged/both"))->location);
  EXPECT_EQ("0/back", (*layers.FindPath("back"))->location);
  EXPECT_EQ((std::vector<size_t>{0, 1}),
            (*layers.FindPath("opaque"))->directory.layers);
}

TEST(OverlayMarksTest, RecognisesBothKindsOfWhiteout) {
  struct statx st = {};
  st.stx_mode = S_IFCHR;
  EXPECT_TRUE(IsOverlayWhiteout(st, {}, OverlayXattrs::kTrusted));
  st.stx_rdev_minor = 3;
  EXPECT_FALSE(IsOverlayWhiteout(st, {}, OverlayXattrs::kTrusted));
  st = {};
  st.stx_mode = S_IFREG;
  Xattrs user = {{"user.overlay.whiteout", ""}};
  EXPECT_TRUE(IsOverlayWhiteout(st, user, OverlayXattrs::kUser));
  EXPECT_FALSE(IsOverlayWhiteout(st, user, OverlayXattrs::kTrusted));
  st.stx_size = 1;
  EXPECT_FALSE(IsOverlayWhiteout(st, user, OverlayXattrs::kUser));
}

TEST(OverlayMarksTest, OpaqueIsYOnly) {
  EXPECT_TRUE(IsOverlayOpaque({{"trusted.overlay.opaque", "y"}},
                              OverlayXattrs::kTrusted));
  EXPECT_FALSE(IsOverlayOpaque({{"trusted.overlay.opaque", "x"}},
                               OverlayXattrs::kTrusted));
  EXPECT_FALSE(
      IsOverlayOpaque({{"user.overlay.opaque", "y"}}, OverlayXattrs::kTrusted));
}

}  // namespace
}  // namespace strake::builder::snapshot
