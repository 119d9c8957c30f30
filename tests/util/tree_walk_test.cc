#include "util/tree_walk.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "tests/support/temp_dir.h"

namespace strake {
namespace {

using Paths = std::vector<std::string>;

Paths Walked(int top, const TreeWalkOptions& options = {}) {
  Paths paths;
  auto status = WalkTree(top, options, [&](const TreeEntry& entry) {
    paths.emplace_back(entry.path);
    return TreeStep::kContinue;
  });
  EXPECT_TRUE(status) << status.error().message();
  return paths;
}

TEST(TreeWalkTest, OrdersByPathComponent) {
  testing::TempDir tree;
  for (const char* file : {"a/b", "a/b.c", "a/b-/x", "a/B/y", "a.txt", "a0",
                           "a-", "\xc3\xa4", "z/1/2/3"}) {
    tree.Write(file, "");
  }
  Paths paths = Walked(tree.fd());
  EXPECT_EQ((Paths{"a", "a/B", "a/B/y", "a/b", "a/b-", "a/b-/x", "a/b.c", "a-",
                   "a.txt", "a0", "z", "z/1", "z/1/2", "z/1/2/3", "\xc3\xa4"}),
            paths);
  EXPECT_TRUE(std::is_sorted(paths.begin(), paths.end(), PathLess));
}

TEST(TreeWalkTest, ComparesPathsAsTheWalkOrdersThem) {
  EXPECT_TRUE(PathLess("a", "a/b"));
  EXPECT_TRUE(PathLess("a/b", "a-"));
  EXPECT_TRUE(PathLess("a/b", "a\x01"));
  EXPECT_FALSE(PathLess("a-", "a/b"));
  EXPECT_FALSE(PathLess("a", "a"));
  EXPECT_FALSE(PathLess("a/b", "a"));
  EXPECT_TRUE(PathLess("a\x7f", "a\x80"));
  EXPECT_TRUE(PathLess("", "a"));
}

TEST(TreeWalkTest, DescribesEntries) {
  testing::TempDir tree;
  tree.Write("dir/file", "12345");
  tree.Symlink("/etc", "dir/link");
  ASSERT_EQ(0, ::setxattr(tree.path("dir/file").c_str(), "user.x", "y", 1, 0));
  Paths seen;
  auto status =
      WalkTree(tree.fd(), {.xattrs = true}, [&](const TreeEntry& entry) {
        std::string name(entry.name);
        EXPECT_EQ(0, ::faccessat(entry.directory, name.c_str(), F_OK,
                                 AT_SYMLINK_NOFOLLOW));
        EXPECT_EQ(name == "dir" ? 0u : 1u, entry.depth);
        if (name == "file") {
          EXPECT_EQ(5u, entry.stat->stx_size);
          EXPECT_EQ((Xattrs{{"user.x", "y"}}), *entry.xattrs);
        }
        EXPECT_EQ(name == "link", S_ISLNK(entry.stat->stx_mode));
        seen.push_back(name);
        return TreeStep::kContinue;
      });
  ASSERT_TRUE(status);
  EXPECT_EQ((Paths{"dir", "file", "link"}), seen);
}

TEST(TreeWalkTest, SkipsAndStopsWhereItIsTold) {
  testing::TempDir tree;
  for (const char* file : {"a/1", "b/2", "c/3", "d/4"}) tree.Write(file, "");
  Paths paths;
  auto status = WalkTree(tree.fd(), {}, [&](const TreeEntry& entry) {
    paths.emplace_back(entry.path);
    return entry.path == "b"     ? TreeStep::kSkip
           : entry.path == "c/3" ? TreeStep::kStop
                                 : TreeStep::kContinue;
  });
  ASSERT_TRUE(status);
  EXPECT_EQ((Paths{"a", "a/1", "b", "c", "c/3"}), paths);
}

TEST(TreeWalkTest, ReturnsTheVisitorsError) {
  testing::TempDir tree;
  tree.Write("a/1", "");
  auto status =
      WalkTree(tree.fd(), {}, [&](const TreeEntry& entry) -> Result<TreeStep> {
        if (entry.path == "a/1") return Corrupt("no more");
        return TreeStep::kContinue;
      });
  ASSERT_FALSE(status);
  EXPECT_EQ(ErrorCode::kCorrupt, status.error().code());
}

TEST(TreeWalkTest, ReportsADirectoryAfterWhatIsInIt) {
  testing::TempDir tree;
  tree.Write("a/b/1", "");
  tree.Write("a/c", "");
  tree.MakeDir("d");
  Paths events;
  auto status = WalkTree(
      tree.fd(), {},
      [&](const TreeEntry& entry) {
        events.push_back("+" + std::string(entry.path));
        return TreeStep::kContinue;
      },
      [&](const TreeEntry& entry) -> Status {
        events.push_back("-" + std::string(entry.path));
        EXPECT_TRUE(S_ISDIR(entry.stat->stx_mode));
        std::string name(entry.name);
        EXPECT_EQ(0, ::faccessat(entry.directory, name.c_str(), F_OK, 0));
        return {};
      });
  ASSERT_TRUE(status);
  EXPECT_EQ((Paths{"+a", "+a/b", "+a/b/1", "-a/b", "+a/c", "-a", "+d", "-d"}),
            events);
}

TEST(TreeWalkTest, LeavesTheBorrowedDescriptorAlone) {
  testing::TempDir tree;
  tree.Write("a", "");
  EXPECT_EQ((Paths{"a"}), Walked(tree.fd()));
  EXPECT_EQ((Paths{"a"}), Walked(tree.fd()));
}

TEST(TreeWalkTest, GoesDeeperThanTheDescriptorLimitAndBack) {
  testing::TempDir tree;
  constexpr size_t kDepth = 2000;
  UniqueFd at(::fcntl(tree.fd(), F_DUPFD_CLOEXEC, 0));
  for (size_t i = 0; i < kDepth; ++i) {
    ASSERT_EQ(0, ::mkdirat(at.get(), "d", 0700));
    ASSERT_EQ(0, ::mkdirat(at.get(), "e", 0700));
    at.reset(::openat(at.get(), "d", O_RDONLY | O_CLOEXEC));
  }
  at.reset();
  EXPECT_EQ(2 * kDepth, Walked(tree.fd()).size());
}

int RunInChild(const std::function<int()>& body) {
  pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = -1;
  EXPECT_EQ(pid, ::waitpid(pid, &status, 0));
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(TreeWalkTest, OpensUpDirectoriesAndPutsTheirModesBack) {
  testing::TempDir tree;
  tree.Write("closed/inner/file", "");
  tree.MakeDir("zero");
  auto set_modes = [&](mode_t inner, mode_t closed, mode_t zero) {
    ::chmod(tree.path("closed/inner").c_str(), inner);
    ::chmod(tree.path("closed").c_str(), closed);
    ::chmod(tree.path("zero").c_str(), zero);
  };
  set_modes(0500, 0111, 0);
  for (const char* path : {"", "closed/inner", "closed", "zero"}) {
    ASSERT_EQ(0, ::chown(tree.path(path).c_str(), 1000, 1000));
  }
  EXPECT_EQ(0, RunInChild([&] {
              if (::setresgid(1000, 1000, 1000) != 0 ||
                  ::setresuid(1000, 1000, 1000) != 0) {
                return 2;
              }
              auto visit = [](const TreeEntry& entry) {
                // An abandoned walk restores them as well.
                return entry.path == "closed/inner/file" ? TreeStep::kStop
                                                         : TreeStep::kContinue;
              };
              if (WalkTree(tree.fd(), {}, visit)) return 3;
              if (!WalkTree(tree.fd(), {.open_up = true}, visit)) return 4;
              return Walked(tree.fd(), {.open_up = true}).size() == 4 ? 0 : 5;
            }));
  struct stat st;
  ::stat(tree.path("closed").c_str(), &st);
  EXPECT_EQ(0111u, st.st_mode & 07777u);
  ::stat(tree.path("zero").c_str(), &st);
  EXPECT_EQ(0u, st.st_mode & 07777u);
  ::stat(tree.path("closed/inner").c_str(), &st);
  EXPECT_EQ(0500u, st.st_mode & 07777u);
}

TEST(TreeWalkTest, EntersMountPointsOnlyIfAsked) {
  testing::TempDir tree;
  tree.MakeDir("mnt");
  tree.Write("other/file", "");
  int status = RunInChild([&] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount(tree.path("other").c_str(), tree.path("mnt").c_str(), "",
                MS_BIND, nullptr) != 0) {
      return 77;
    }
    UniqueFd top(::open(tree.path().c_str(), O_RDONLY | O_CLOEXEC));
    Paths without = Walked(top.get());
    Paths with = Walked(top.get(), {.cross_mounts = true});
    return without == Paths{"mnt", "other", "other/file"} &&
                   with == Paths{"mnt", "mnt/file", "other", "other/file"}
               ? 0
               : 1;
  });
  if (status == 77) GTEST_SKIP() << "cannot mount here";
  EXPECT_EQ(0, status);
}

}  // namespace
}  // namespace strake
