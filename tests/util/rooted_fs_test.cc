#include "util/rooted_fs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temp_dir.h"
#include "util/byte_stream.h"

namespace strake {
namespace {

// Every test runs with both resolvers.
class RootedFsTest : public ::testing::TestWithParam<bool> {
 protected:
  RootedFsTest() {
    ForceRootedFsFallback(GetParam());
    scratch_.Write("outside", "secret");
    scratch_.MakeDir("outdir");
    scratch_.Write("root/file", "file");
    scratch_.Write("root/dir/inner", "inner");
    scratch_.MakeDir("root/empty");
    root_.reset(::open(scratch_.path("root").c_str(),
                       O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~RootedFsTest() override { ForceRootedFsFallback(false); }

  void Link(const std::string& target, const std::string& name) {
    scratch_.Symlink(target, "root/" + name);
  }
  std::string ReadAt(std::string_view path) {
    auto fd = OpenInRoot(root_.get(), path, O_RDONLY);
    if (!fd) return "error: " + fd.error().message();
    FdSource source(std::move(*fd));
    auto text = ReadAll(source, 1000);
    return text ? *text : "error: " + text.error().message();
  }
  std::string Resolve(std::string_view path) {
    auto resolved = ResolveInRoot(root_.get(), path);
    return resolved ? *resolved : "error: " + resolved.error().message();
  }

  testing::TempDir scratch_;
  UniqueFd root_;
};

INSTANTIATE_TEST_SUITE_P(Resolver, RootedFsTest, ::testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "Walk" : "OpenAt2";
                         });

TEST_P(RootedFsTest, OpensPlainPaths) {
  EXPECT_EQ("file", ReadAt("file"));
  EXPECT_EQ("file", ReadAt("/file"));
  EXPECT_EQ("inner", ReadAt("dir/inner"));
  EXPECT_EQ("inner", ReadAt("//dir/./inner"));
  EXPECT_EQ("inner", ReadAt("empty/../dir/inner"));
  for (const char* root : {"", "/", ".", "..", "/..", "dir/.."}) {
    auto fd = OpenInRoot(root_.get(), root, O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(fd) << root;
    EXPECT_EQ(0, ::faccessat(fd->get(), "file", F_OK, 0)) << root;
  }
}

TEST_P(RootedFsTest, KeepsDotDotInside) {
  EXPECT_EQ("file", ReadAt("../file"));
  EXPECT_EQ("file", ReadAt("../../../../file"));
  EXPECT_EQ("file", ReadAt("dir/../../../file"));
  EXPECT_NE("secret", ReadAt("../outside"));
}

TEST_P(RootedFsTest, HostileLinksLeadNowhereElse) {
  struct {
    const char* name;
    std::string target;
    const char* path;
    const char* content;  // "": an error
  } const cases[] = {
      {"up", "../outside", "up", ""},
      {"up_far", "../../../../../../../../etc/passwd", "up_far", ""},
      {"up_to_file", "../file", "up_to_file", "file"},
      {"absolute", "/file", "absolute", "file"},
      {"absolute_out", scratch_.path("outside"), "absolute_out", ""},
      {"etc", "/etc", "etc/passwd", ""},
      {"to_root", "/", "to_root/file", "file"},
      {"parent", "..", "parent/file", "file"},
      {"parent_out", "..", "parent_out/outside", ""},
      {"in_dir", "dir", "in_dir/inner", "inner"},
      {"slash", "dir/", "slash/inner", "inner"},
      {"dotty", "./dir/./../dir/inner", "dotty", "inner"},
      {"loop", "loop", "loop", ""},
      {"loop_dir", "loop_dir/x", "loop_dir/y", ""},
      {"dangling", "nothing", "dangling", ""},
      {"proc", "/proc/self/root", "proc/etc/passwd", ""},
  };
  for (const auto& test : cases) {
    Link(test.target, test.name);
    std::string content = ReadAt(test.path);
    if (*test.content != '\0') {
      EXPECT_EQ(test.content, content) << test.name;
    } else {
      EXPECT_EQ(0u, content.rfind("error: ", 0)) << test.name << content;
    }
  }
}

TEST_P(RootedFsTest, FollowsChainsUpToTheLimitOfTheKernel) {
  Link("file", "l0");
  for (int i = 1; i < 60; ++i) {
    Link("l" + std::to_string(i - 1), "l" + std::to_string(i));
  }
  EXPECT_EQ("file", ReadAt("l39"));
  EXPECT_NE("file", ReadAt("l45"));
  EXPECT_NE("file", Resolve("l45"));
}

TEST_P(RootedFsTest, CreatesThroughALinkInsideTheRootOnly) {
  Link("../../created", "escape");
  auto fd = OpenInRoot(root_.get(), "escape", O_WRONLY | O_CREAT, 0644);
  ASSERT_TRUE(fd) << fd.error().message();
  EXPECT_TRUE(scratch_.Exists("root/created"));
  EXPECT_FALSE(scratch_.Exists("created"));
}

TEST_P(RootedFsTest, ExclusiveCreationDoesNotFollow) {
  Link("target", "link");
  auto fd = OpenInRoot(root_.get(), "link", O_WRONLY | O_CREAT | O_EXCL, 0644);
  ASSERT_FALSE(fd);
  EXPECT_NE(std::string::npos, fd.error().message().find("exists"));
  EXPECT_FALSE(scratch_.Exists("root/target"));
}

TEST_P(RootedFsTest, NoFollowConcernsTheLastComponentOnly) {
  Link("dir", "to_dir");
  EXPECT_TRUE(OpenInRoot(root_.get(), "to_dir/inner", O_RDONLY | O_NOFOLLOW));
  EXPECT_FALSE(OpenInRoot(root_.get(), "to_dir", O_RDONLY | O_NOFOLLOW));
  auto link = OpenInRoot(root_.get(), "to_dir", O_PATH | O_NOFOLLOW);
  ASSERT_TRUE(link);
  struct stat st;
  ASSERT_EQ(0, ::fstat(link->get(), &st));
  EXPECT_TRUE(S_ISLNK(st.st_mode));
  // A trailing slash asks for the directory.
  EXPECT_TRUE(OpenInRoot(root_.get(), "to_dir/", O_RDONLY | O_NOFOLLOW));
  EXPECT_FALSE(OpenInRoot(root_.get(), "file/", O_RDONLY));
}

TEST_P(RootedFsTest, ReportsWhatIsMissingAndWhatIsInTheWay) {
  auto missing = OpenInRoot(root_.get(), "no/such", O_RDONLY);
  ASSERT_FALSE(missing);
  EXPECT_EQ(ErrorCode::kNotFound, missing.error().code());
  EXPECT_EQ("open no/such: No such file or directory",
            missing.error().message());
  auto blocked = OpenInRoot(root_.get(), "file/x", O_RDONLY);
  ASSERT_FALSE(blocked);
  EXPECT_EQ("open file/x: Not a directory", blocked.error().message());
  auto zero = OpenInRoot(root_.get(), std::string_view("fi\0le", 5), O_RDONLY);
  EXPECT_FALSE(zero);
}

TEST_P(RootedFsTest, FindsParentAndName) {
  Link("../../dir", "link");
  struct {
    const char* path;
    const char* name;
    const char* beside;  // something in the parent
  } const cases[] = {
      {"file", "file", "dir"},      {"/new", "new", "file"},
      {"dir/new", "new", "inner"},  {"dir/new/", "new", "inner"},
      {"link/new", "new", "inner"}, {"link", "link", "file"},
      {"link/", "link", "file"},    {"dir/..", ".", "file"},
      {"dir/.", ".", "inner"},      {"", ".", "file"},
      {"/", ".", "file"},           {"..", ".", "file"},
  };
  for (const auto& test : cases) {
    auto at = OpenParentInRoot(root_.get(), test.path);
    ASSERT_TRUE(at) << test.path << at.error().message();
    EXPECT_EQ(test.name, at->name) << test.path;
    EXPECT_EQ(0, ::faccessat(at->parent.get(), test.beside, F_OK, 0))
        << test.path;
  }
  EXPECT_FALSE(OpenParentInRoot(root_.get(), "no/such"));
  EXPECT_FALSE(OpenParentInRoot(root_.get(), "file/such"));
}

TEST_P(RootedFsTest, StatsOrFindsNothing) {
  Link("file", "link");
  Link("nothing", "dangling");
  auto stat = [&](const char* path, FollowLast follow) {
    auto st = StatInRoot(root_.get(), path, follow);
    EXPECT_TRUE(st) << path;
    if (!st || !*st) return 0u;
    return (*st)->st_mode & S_IFMT;
  };
  EXPECT_EQ(0u + S_IFREG, stat("link", FollowLast::kYes));
  EXPECT_EQ(0u + S_IFLNK, stat("link", FollowLast::kNo));
  EXPECT_EQ(0u, stat("dangling", FollowLast::kYes));
  EXPECT_EQ(0u + S_IFLNK, stat("dangling", FollowLast::kNo));
  EXPECT_EQ(0u, stat("no/such", FollowLast::kNo));
  EXPECT_EQ(0u, stat("file/such", FollowLast::kNo));
  EXPECT_EQ(0u + S_IFDIR, stat("/", FollowLast::kNo));
  Link("loop", "loop");
  EXPECT_FALSE(StatInRoot(root_.get(), "loop", FollowLast::kYes));
}

TEST_P(RootedFsTest, ReadsLinksOfAnyLength) {
  std::string target(3000, 'x');
  Link(target, "long");
  Link("dir", "to_dir");
  Link("inner", "dir/short");
  EXPECT_EQ(target, *ReadLinkInRoot(root_.get(), "long"));
  EXPECT_EQ("inner", *ReadLinkInRoot(root_.get(), "to_dir/short"));
  EXPECT_FALSE(ReadLinkInRoot(root_.get(), "file"));
  EXPECT_FALSE(ReadLinkInRoot(root_.get(), ""));
}

TEST_P(RootedFsTest, ResolvesToAPathWithoutLinks) {
  Link("dir", "to_dir");
  Link("/dir/../dir/inner", "to_inner");
  Link("../../gone/far", "dangling");
  Link("/to_dir", "empty/again");
  struct {
    const char* path;
    const char* resolved;
  } const cases[] = {
      {"", ""},
      {"/", ""},
      {"..", ""},
      {"/dir/", "dir"},
      {"to_dir", "dir"},
      {"to_dir/inner", "dir/inner"},
      {"to_inner", "dir/inner"},
      {"empty/again/inner", "dir/inner"},
      {"to_dir/../file", "file"},
      {"no/such//path", "no/such/path"},
      {"no/./such/..", "no"},
      {"no/such/../../to_dir/x", "dir/x"},
      {"dangling", "gone/far"},
      {"dangling/x", "gone/far/x"},
      {"file/x", "file/x"},
      {"../../etc", "etc"},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(test.resolved, Resolve(test.path)) << test.path;
  }
}

TEST_P(RootedFsTest, MakesDirectoriesAndSaysWhich) {
  Link("../../dir", "link");
  Link("gone/far", "dangling");
  mode_t umask = ::umask(077);
  auto made = MakeDirsInRoot(root_.get(), "link/a/../b/c", {.mode = 01775});
  ::umask(umask);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ((std::vector<std::string>{"dir/b", "dir/b/c"}), *made);
  struct stat st;
  ASSERT_EQ(0, ::stat(scratch_.path("root/dir/b/c").c_str(), &st));
  EXPECT_EQ(01775u, st.st_mode & 07777u);
  made = MakeDirsInRoot(root_.get(), "dangling", {});
  ASSERT_TRUE(made);
  EXPECT_EQ((std::vector<std::string>{"gone", "gone/far"}), *made);
  made = MakeDirsInRoot(root_.get(), "/dir", {});
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->empty());
  made = MakeDirsInRoot(root_.get(), "file/x", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(ErrorCode::kIo, made.error().code());
  EXPECT_NE(std::string::npos, made.error().message().find("Not a directory"));
  made = MakeDirsInRoot(root_.get(), "file", {});
  EXPECT_FALSE(made);
}

TEST_P(RootedFsTest, MakesDirectoriesForAnOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_TRUE(MakeDirsInRoot(root_.get(), "home/u",
                             {.mode = 02700, .uid = 1234, .gid = 5678}));
  struct stat st;
  ASSERT_EQ(0, ::stat(scratch_.path("root/home/u").c_str(), &st));
  EXPECT_EQ(1234u, st.st_uid);
  EXPECT_EQ(5678u, st.st_gid);
  EXPECT_EQ(02700u, st.st_mode & 07777u);
}

TEST_P(RootedFsTest, RemovesTreesButNotThroughLinks) {
  Link(scratch_.path("outdir"), "dir/absolute");
  Link("../../outdir", "dir/relative");
  Link("dir", "to_dir");
  scratch_.Write("outdir/precious", "");
  scratch_.Write("root/dir/a/b/c/file", "");
  ASSERT_EQ(0, ::mkfifo(scratch_.path("root/dir/fifo").c_str(), 0600));
  ASSERT_TRUE(RemoveAllInRoot(root_.get(), "to_dir"));
  EXPECT_FALSE(scratch_.Exists("root/to_dir"));
  EXPECT_TRUE(scratch_.Exists("root/dir/inner"));
  auto removed = RemoveAllInRoot(root_.get(), "/dir");
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_FALSE(scratch_.Exists("root/dir"));
  EXPECT_TRUE(scratch_.Exists("outdir/precious"));
  EXPECT_TRUE(RemoveAllInRoot(root_.get(), "dir/not/there"));
  EXPECT_TRUE(RemoveAllInRoot(root_.get(), "never"));
  EXPECT_FALSE(RemoveAllInRoot(root_.get(), "/"));
  EXPECT_FALSE(RemoveAllInRoot(root_.get(), "empty/.."));
  EXPECT_FALSE(RemoveAllAt(root_.get(), ".."));
  EXPECT_FALSE(RemoveAllAt(root_.get(), "a/b"));
}

TEST_P(RootedFsTest, RemovesTreesDeeperThanTheDescriptorLimit) {
  constexpr int kDepth = 3000;  // and longer than any path may be
  UniqueFd at(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_EQ(0, ::mkdirat(at.get(), "directory", 0700));
    ASSERT_EQ(0, ::mkdirat(at.get(), "sibling", 0700));
    at.reset(::openat(at.get(), "directory", O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
  at.reset();
  auto removed = RemoveAllInRoot(root_.get(), "directory");
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_FALSE(scratch_.Exists("root/directory"));
}

// Runs `body` in a child as uid 1000, which permission bits do bind.
void AsPlainUser(const std::function<bool()>& body) {
  pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    bool dropped = ::geteuid() != 0 || (::setresgid(1000, 1000, 1000) == 0 &&
                                        ::setresuid(1000, 1000, 1000) == 0);
    ::_exit(dropped && body() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(pid, ::waitpid(pid, &status, 0));
  EXPECT_EQ(0, status);
}

TEST_P(RootedFsTest, OpensUpDirectoriesToRemoveThem) {
  ::chmod(scratch_.path().c_str(), 0755);
  ::chmod(scratch_.path("root").c_str(), 0777);
  AsPlainUser([&] {
    bool made = ::mkdirat(root_.get(), "mine", 0700) == 0 &&
                ::mkdirat(root_.get(), "mine/work", 0700) == 0 &&
                ::mkdirat(root_.get(), "mine/work/in", 0700) == 0 &&
                ::fchmodat(root_.get(), "mine/work", 0, 0) == 0 &&
                ::fchmodat(root_.get(), "mine", 0500, 0) == 0;
    return made && RemoveAllInRoot(root_.get(), "mine").has_value() &&
           ::faccessat(root_.get(), "mine", F_OK, 0) != 0;
  });
}

TEST_P(RootedFsTest, NeverEntersAMountPointToRemoveIt) {
  pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {  // in a mount namespace that ends with it
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mkdirat(root_.get(), "dir/mnt", 0700) != 0 ||
        // A bind of the same file system: the device number tells nothing.
        ::mount(scratch_.path("outdir").c_str(),
                scratch_.path("root/dir/mnt").c_str(), "", MS_BIND,
                nullptr) != 0) {
      ::_exit(77);
    }
    // The old descriptor does not see the new mount's parent as changed; it
    // is the same directory.
    scratch_.Write("outdir/precious", "");
    auto removed = RemoveAllInRoot(root_.get(), "dir");
    ::_exit(!removed && scratch_.Exists("outdir/precious") ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(pid, ::waitpid(pid, &status, 0));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "cannot mount here";
  EXPECT_EQ(0, status);
}

}  // namespace
}  // namespace strake
