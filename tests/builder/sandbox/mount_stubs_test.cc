#include "builder/sandbox/mount_stubs.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "builder/sandbox/mount_api.h"
#include "tests/builder/sandbox/mount_listing.h"
#include "tests/support/temp_dir.h"

namespace strake::builder::sandbox {
namespace {

using Kind = MountStubs::Kind;

bool Exists(const std::string& path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}

TEST(MountStubsTest, MakesAndRemovesWithoutATrace) {
  testing::TempDir root;
  root.MakeDir("etc");
  const auto before = Listing(root.path());
  MountStubs stubs;
  for (const char* file : {"/etc/hosts", "/etc/resolv.conf", "/a/b/c/file"}) {
    ASSERT_TRUE(stubs.Open(root.fd(), file, Kind::kFile));
    EXPECT_TRUE(std::filesystem::is_regular_file(root.path(file)));
  }
  ASSERT_TRUE(stubs.Open(root.fd(), "a/b/dir", Kind::kDirectory));
  EXPECT_TRUE(std::filesystem::is_directory(root.path("a/b/dir")));
  EXPECT_TRUE(stubs.Remove());
  EXPECT_EQ(Listing(root.path()), before);
}

TEST(MountStubsTest, LeavesWhatWasThere) {
  testing::TempDir root;
  root.Write("etc/hosts", "");
  root.MakeDir("proc");
  const auto before = Listing(root.path());
  {
    MountStubs stubs;
    ASSERT_TRUE(stubs.Open(root.fd(), "/etc/hosts", Kind::kFile));
    ASSERT_TRUE(stubs.Open(root.fd(), "/proc", Kind::kDirectory));
  }
  EXPECT_EQ(Listing(root.path()), before);
}

TEST(MountStubsTest, OpensTheTargetOfALinkInsideTheRoot) {
  testing::TempDir root;
  testing::TempDir outside;
  ASSERT_EQ(symlink(outside.path().c_str(), root.path("link").c_str()), 0);
  MountStubs stubs;
  Result<UniqueFd> opened = stubs.Open(root.fd(), "/link/file", Kind::kFile);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_TRUE(std::filesystem::is_empty(outside.path()));
  EXPECT_TRUE(Exists(root.path() + outside.path() + "/file"));
  EXPECT_TRUE(stubs.Remove());
  EXPECT_TRUE(Exists(root.path("link")));
  EXPECT_FALSE(Exists(root.path("tmp")));
}

TEST(MountStubsTest, KeepsWhatIsInUseAndTheTimesThatCameWithIt) {
  testing::TempDir root;
  MountStubs stubs;
  ASSERT_TRUE(stubs.Open(root.fd(), "/run/secrets/a", Kind::kFile));
  ASSERT_TRUE(stubs.Open(root.fd(), "/run/secrets/b", Kind::kFile));
  root.Write("run/secrets/a", "not empty any more");
  const timespec times[2] = {{1000, 0}, {2000, 5}};
  ASSERT_EQ(utimensat(root.fd(), "run/secrets", times, 0), 0);
  EXPECT_TRUE(stubs.Remove());
  EXPECT_TRUE(Exists(root.path("run/secrets/a")));
  EXPECT_FALSE(Exists(root.path("run/secrets/b")));
  struct stat found {};
  ASSERT_EQ(fstatat(root.fd(), "run/secrets", &found, 0), 0);
  EXPECT_EQ(found.st_mtim.tv_sec, 2000);
  EXPECT_EQ(found.st_mtim.tv_nsec, 5);
}

// Another thread's child, which has not executed its program yet, may hold the
// mount namespace for some time.
TEST(MountStubsTest, RemovesWhatIsCoveredInANamespaceThatLives) {
  testing::TempDir root;
  testing::TempDir other;
  other.Write("hosts", "127.0.0.1 localhost\n");
  const auto before = Listing(root.path());
  MountStubs stubs;
  UniqueFd held;
  bool allowed = true;
  std::thread([&] {
    if (unshare(CLONE_FS | CLONE_NEWNS) != 0) {
      allowed = false;
      return;
    }
    held.reset(open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC));
    const UniqueFd here(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(MakePrivate(here.get()));
    const UniqueFd inside(open(root.path().c_str(), O_PATH | O_CLOEXEC));
    auto place = stubs.Open(inside.get(), "/etc/hosts", Kind::kFile);
    ASSERT_TRUE(place);
    auto mount = CloneTree(AT_FDCWD, other.path("hosts"));
    ASSERT_TRUE(mount);
    ASSERT_TRUE(AttachMount(mount->get(), place->get(), "hosts"));
  }).join();
  if (!allowed) GTEST_SKIP() << "unshare(CLONE_NEWNS) is not allowed";
  EXPECT_TRUE(stubs.Remove());
  EXPECT_EQ(Listing(root.path()), before);
}

TEST(MountStubsTest, ToleratesWhatTheStepRemoved) {
  testing::TempDir root;
  MountStubs stubs;
  ASSERT_TRUE(stubs.Open(root.fd(), "/x/y", Kind::kDirectory));
  std::filesystem::remove_all(root.path("x"));
  EXPECT_TRUE(stubs.Remove());
}

TEST(MountStubsTest, NamesTheFileInTheWay) {
  testing::TempDir root;
  root.Write("file", "");
  MountStubs stubs;
  Result<UniqueFd> opened =
      stubs.Open(root.fd(), "/file/below", Kind::kDirectory);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message(), ::testing::HasSubstr("file"));
}

TEST(MountStubsTest, KeepsAPlaceThatAnotherStepUses) {
  testing::TempDir root;
  MountStubs first;
  MountStubs second;
  for (const Kind kind : {Kind::kDirectory, Kind::kFile}) {
    const char* name = kind == Kind::kFile ? "/c/file" : "/c/directory";
    ASSERT_TRUE(first.Open(root.fd(), name, kind));
    ASSERT_TRUE(second.Open(root.fd(), name, kind));
  }
  EXPECT_TRUE(first.Remove());
  EXPECT_TRUE(Exists(root.path("c/file")));
  EXPECT_TRUE(Exists(root.path("c/directory")));
  EXPECT_TRUE(second.Remove());
}

TEST(MountStubsTest, MakesTheSamePlaceForStepsAtTheSameTime) {
  testing::TempDir root;
  std::atomic<int> wrong = 0;
  const auto run = [&] {
    for (int i = 0; i < 500; ++i) {
      MountStubs stubs;
      Result<UniqueFd> place = stubs.Open(root.fd(), "/a/b", Kind::kDirectory);
      struct stat opened {};
      struct stat named {};
      if (!place || fstat(place->get(), &opened) != 0 ||
          fstatat(root.fd(), "a/b", &named, 0) != 0 ||
          opened.st_ino != named.st_ino || !stubs.Remove()) {
        ++wrong;
      }
    }
  };
  {
    const std::jthread one(run);
    const std::jthread two(run);
    const std::jthread three(run);
  }
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace strake::builder::sandbox
