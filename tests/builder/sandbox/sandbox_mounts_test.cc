// Mounts of a run, and what is left of them: nothing.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/builder/sandbox/mount_listing.h"
#include "tests/builder/sandbox/overlay_mount.h"
#include "tests/builder/sandbox/test_root.h"

namespace strake::builder::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Mount Bind(std::string source, std::string target) {
  Mount mount;
  mount.source_path = std::move(source);
  mount.target = std::move(target);
  return mount;
}

Mount File(std::string target, std::string content) {
  Mount mount;
  mount.kind = Mount::Kind::kFile;
  mount.target = std::move(target);
  mount.content = std::move(content);
  return mount;
}

Mount Tmpfs(std::string target) {
  Mount mount;
  mount.kind = Mount::Kind::kTmpfs;
  mount.target = std::move(target);
  return mount;
}

class SandboxMountsTest : public ::testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_SANDBOX(); }

  std::string Upper(const std::string& name = "") const {
    return scratch_.path("upper" + name);
  }
  UniqueFd Overlay() {
    for (const char* name : {"upper", "work", "merged"}) {
      scratch_.MakeDir(name);
    }
    return DetachedOverlay(root_.path(), Upper(), scratch_.path("work"),
                           scratch_.path("merged"));
  }

  TestRoot root_;
  testing::TempDir scratch_;
};

TEST_F(SandboxMountsTest, BindsAFolderToReadAndWrite) {
  scratch_.Write("in/a", "text");
  ProcessSpec spec = root_.Shell("cat /mnt/x/a; echo new > /mnt/x/b");
  spec.mounts = {Bind(scratch_.path("in"), "/mnt/x")};
  EXPECT_EQ(Output(spec), "text");
  EXPECT_TRUE(std::filesystem::exists(scratch_.path("in/b")));
}

TEST_F(SandboxMountsTest, BindsReadOnlyWithAllMountsBelow) {
  scratch_.MakeDir("in/sub");
  ASSERT_EQ(mount("none", scratch_.path("in/sub").c_str(), "tmpfs", 0, ""), 0);
  ProcessSpec spec = root_.Shell("touch /m/a; touch /m/sub/a; ls /m /m/sub");
  spec.mounts = {Bind(scratch_.path("in"), "/m")};
  spec.mounts[0].read_only = true;
  const Ran ran = MustRun(spec);
  ASSERT_EQ(umount2(scratch_.path("in/sub").c_str(), MNT_DETACH), 0);
  EXPECT_EQ(ran.out, "/m:\nsub\n\n/m/sub:\n");
  EXPECT_THAT(ran.err, HasSubstr("/m/a: Read-only file system"));
  EXPECT_THAT(ran.err, HasSubstr("/m/sub/a: Read-only file system"));
}

TEST_F(SandboxMountsTest, BindsASingleFile) {
  scratch_.Write("one", "1");
  ProcessSpec spec = root_.Spec({"cat", "/opt/deep/one"});
  spec.mounts = {Bind(scratch_.path("one"), "/opt/deep/one")};
  EXPECT_EQ(Output(spec), "1");
}

TEST_F(SandboxMountsTest, ResolvesSubpathsInsideTheSource) {
  scratch_.Write("in/real/file", "inside");
  ASSERT_EQ(symlink("/real", scratch_.path("in/link").c_str()), 0);
  ProcessSpec spec = root_.Spec({"cat", "/m/file"});
  spec.mounts = {Bind(scratch_.path("in"), "/m")};
  spec.mounts[0].source_subpath = "../link";
  EXPECT_EQ(Output(spec), "inside");
}

TEST_F(SandboxMountsTest, TakesSubpathsOfADetachedMountSeveralTimes) {
  scratch_.Write("other/a/1", "one");
  scratch_.Write("other/b/2", "two");
  UniqueFd detached(open_tree(AT_FDCWD, scratch_.path("other").c_str(),
                              OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  ASSERT_TRUE(detached);
  Mount first;
  first.source_mount_fd = detached.get();
  first.source_subpath = "a";
  first.target = "/first";
  Mount second = first;
  second.source_subpath = "b/2";
  second.target = "/second";
  Mount whole = first;
  whole.source_subpath.clear();
  whole.target = "/whole";
  whole.read_only = true;
  ProcessSpec spec = root_.Shell(
      "cat /first/1 /second; ls /whole; touch /first/w; touch /whole/w");
  spec.mounts = {first, second, whole};
  const Ran ran = MustRun(spec);
  EXPECT_EQ(ran.out, "onetwoa\nb\n");
  EXPECT_THAT(ran.err, HasSubstr("/whole/w: Read-only"));
  EXPECT_THAT(ran.err, Not(HasSubstr("/first/w")));
}

TEST_F(SandboxMountsTest, LimitsATmpfs) {
  ProcessSpec spec = root_.Shell(
      "stat -c %a /t; dd if=/dev/zero of=/t/f bs=64k 2>&1 | grep -c 'No space';"
      "wc -c < /t/f");
  spec.mounts = {Tmpfs("/t")};
  spec.mounts[0].size_bytes = 1 << 20;
  EXPECT_EQ(Output(spec), "1777\n1\n1048576\n");
}

TEST_F(SandboxMountsTest, PutsAFileInMemory) {
  ProcessSpec spec =
      root_.Shell("cat /run/secrets/key; stat -c '%a %u:%g' /run/secrets/key");
  spec.mounts = {File("/run/secrets/key", "s3cret")};
  spec.mounts[0].mode = 0440;
  spec.mounts[0].uid = 1000;
  spec.mounts[0].gid = 1001;
  EXPECT_EQ(Output(spec), "s3cret440 1000:1001\n");
  EXPECT_FALSE(std::filesystem::exists(root_.path("run")));
}

TEST_F(SandboxMountsTest, ExecutesAFileFromMemory) {
  ProcessSpec spec = root_.Spec({"/dev/pipes/EOF"});
  spec.mounts = {File("/dev/pipes/EOF", "#!/bin/sh\necho script\n")};
  spec.mounts[0].mode = 0555;
  EXPECT_EQ(Output(spec), "script\n");
}

TEST_F(SandboxMountsTest, MountsInsideEarlierMounts) {
  scratch_.Write("in/f", "deep");
  ProcessSpec spec = root_.Shell("cat /t/a/b/f; ls /t");
  spec.mounts = {Tmpfs("/t"), Bind(scratch_.path("in"), "/t/a/b")};
  EXPECT_EQ(Output(spec), "deepa\n");
}

TEST_F(SandboxMountsTest, ResolvesTargetsInsideTheRoot) {
  // Both would lead out of the root if they were taken literally.
  scratch_.MakeDir("outside");
  ASSERT_EQ(
      symlink(scratch_.path("outside").c_str(), root_.path("abs").c_str()), 0);
  ASSERT_EQ(symlink("../../../../tmp", root_.path("up").c_str()), 0);
  ProcessSpec spec = root_.Shell("cat /abs/secret; cat /tmp/other");
  spec.mounts = {File("/abs/secret", "one "), File("/up/other", "two")};
  EXPECT_EQ(Output(spec), "one two");
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.path("outside")));
  EXPECT_TRUE(std::filesystem::is_empty(root_.path("tmp")));
}

TEST_F(SandboxMountsTest, RefusesTargetsThatCannotBe) {
  ProcessSpec spec = root_.Spec({"true"});
  spec.mounts = {Tmpfs("relative")};
  EXPECT_EQ(TryRun(spec).error().code(), ErrorCode::kInvalidArgument);
  spec.mounts = {Tmpfs("/x/../.")};
  EXPECT_EQ(TryRun(spec).error().code(), ErrorCode::kInvalidArgument);
  spec.mounts = {Tmpfs("/proc/x")};
  EXPECT_EQ(TryRun(spec).error().code(), ErrorCode::kUnsupported);
}

TEST_F(SandboxMountsTest, NamesASourceThatIsMissing) {
  ProcessSpec spec = root_.Spec({"true"});
  spec.mounts = {Bind(scratch_.path("missing"), "/m")};
  Result<Ran> ran = TryRun(spec);
  ASSERT_FALSE(ran);
  EXPECT_THAT(ran.error().message(), HasSubstr("mount at /m"));
  EXPECT_THAT(ran.error().message(), HasSubstr("missing"));
}

TEST_F(SandboxMountsTest, ARunThatWritesNothingChangesNothing) {
  scratch_.Write("in/f", "x");
  ProcessSpec spec = root_.Spec({"true"});
  spec.mounts = {Tmpfs("/var/cache/deep"), File("/run/secrets/k", "s"),
                 Bind(scratch_.path("in"), "/etc/more"), Tmpfs("/dev/shm/x")};
  const auto before = Listing(root_.path());
  EXPECT_TRUE(MustRun(spec).status.ok());
  EXPECT_EQ(Listing(root_.path()), before);
}

TEST_F(SandboxMountsTest, AFailedStartChangesNothing) {
  ProcessSpec spec = root_.Spec({"no-such-program"});
  spec.mounts = {Tmpfs("/var/cache/deep"), Bind("/no/such/source", "/m")};
  const auto before = Listing(root_.path());
  EXPECT_FALSE(TryRun(spec));
  spec.mounts.pop_back();
  EXPECT_FALSE(TryRun(spec));
  EXPECT_EQ(Listing(root_.path()), before);
}

TEST_F(SandboxMountsTest, LeavesADanglingResolvConfLinkAsItWas) {
  ASSERT_EQ(symlink("../run/systemd/resolve/stub-resolv.conf",
                    root_.path("etc/resolv.conf").c_str()),
            0);
  const auto before = Listing(root_.path());
  EXPECT_THAT(Output(root_.Spec({"cat", "/etc/resolv.conf"})),
              HasSubstr("nameserver"));
  EXPECT_EQ(Listing(root_.path()), before);
}

TEST_F(SandboxMountsTest, KeepsWhatTheStepPutBesideAStub) {
  ProcessSpec spec =
      root_.Shell("echo kept > /run/kept; touch -d '2001-02-03 04:05:06' /etc");
  spec.mounts = {File("/run/secrets/k", "s")};
  EXPECT_EQ(Output(spec), "");
  EXPECT_TRUE(std::filesystem::exists(root_.path("run/kept")));
  EXPECT_FALSE(std::filesystem::exists(root_.path("run/secrets")));
  EXPECT_FALSE(std::filesystem::exists(root_.path("etc/hosts")));
  struct stat etc {};
  ASSERT_EQ(stat(root_.path("etc").c_str(), &etc), 0);
  EXPECT_EQ(etc.st_mtim.tv_sec, 981173106);  // as the step left it
}

TEST_F(SandboxMountsTest, LosesWhatIsWrittenToHosts) {
  EXPECT_EQ(Output(root_.Shell("echo 1.2.3.4 x >> /etc/hosts; "
                               "grep -c 1.2.3.4 /etc/hosts")),
            "1\n");
  EXPECT_FALSE(std::filesystem::exists(root_.path("etc/hosts")));
}

TEST_F(SandboxMountsTest, LeavesNoMountOnTheHost) {
  const std::string before = Mounts();
  ProcessSpec spec = root_.Shell("exit 1");
  spec.mounts = {Tmpfs("/t")};
  MustRun(spec);
  EXPECT_EQ(Mounts(), before);
}

TEST_F(SandboxMountsTest, MountsNothingOnAHostThatShares) {
  // In a namespace of a test's own, "/" is shared as systemd has it.
  std::thread worker([&] {
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount(root_.path().c_str(), root_.path().c_str(), nullptr,
                    MS_BIND, nullptr),
              0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr), 0);
    const auto mounts = [] {
      std::ifstream file("/proc/thread-self/mountinfo");
      return std::string{std::istreambuf_iterator<char>(file), {}};
    };
    const std::string before = mounts();
    ProcessSpec spec = root_.Spec({"true"});
    EXPECT_TRUE(MustRun(spec).status.ok());
    UniqueFd shared(open_tree(AT_FDCWD, root_.path().c_str(),
                              OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    spec.root = {.mount_fd = shared.get(), .path = ""};
    spec.mounts = {Tmpfs("/tmp")};
    EXPECT_TRUE(MustRun(spec).status.ok());
    EXPECT_EQ(mounts(), before);
  });
  worker.join();
}

TEST_F(SandboxMountsTest, RunsInADetachedOverlay) {
  UniqueFd overlay = Overlay();
  ASSERT_TRUE(overlay);
  ProcessSpec spec = root_.Shell("echo new > /tmp/new; rm /etc/group; ls /");
  spec.root = {.mount_fd = overlay.get(), .path = ""};
  EXPECT_EQ(Output(spec), "bin\ndev\netc\nproc\nsys\ntmp\n");
  overlay.reset();
  EXPECT_TRUE(std::filesystem::exists(Upper("/tmp/new")));
  EXPECT_TRUE(std::filesystem::is_character_file(Upper("/etc/group")));
  // Only what the step changed, whatever was mounted meanwhile.
  EXPECT_FALSE(std::filesystem::exists(Upper("/dev")));
  EXPECT_FALSE(std::filesystem::exists(Upper("/etc/hosts")));
}

TEST_F(SandboxMountsTest, KeepsTheTimesOfFoldersInAnOverlay) {
  struct stat before {};
  ASSERT_EQ(stat(root_.path("etc").c_str(), &before), 0);
  UniqueFd overlay = Overlay();
  ASSERT_TRUE(overlay);
  ProcessSpec spec = root_.Spec({"true"});
  spec.root = {.mount_fd = overlay.get(), .path = ""};
  EXPECT_TRUE(MustRun(spec).status.ok());
  // The overlay copied /etc up for the stubs; nothing else may tell.
  struct stat after {};
  ASSERT_EQ(fstatat(overlay.get(), "etc", &after, 0), 0);
  EXPECT_EQ(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
  EXPECT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
  EXPECT_EQ(after.st_mode, before.st_mode);
}

TEST_F(SandboxMountsTest, ReleasesTheOverlayWithItsDescriptor) {
  for (int round = 0; round < 10; ++round) {
    // index=on: EBUSY while an earlier mount of the same upper is alive.
    UniqueFd overlay = Overlay();
    ASSERT_TRUE(overlay);
    ProcessSpec spec = root_.Shell("(setsid sleep 100 &); echo x > /tmp/x");
    spec.root = {.mount_fd = overlay.get(), .path = ""};
    spec.mounts = {Tmpfs("/t")};
    EXPECT_TRUE(MustRun(spec).status.ok());
  }
}

TEST_F(SandboxMountsTest, RunsInAReadOnlyRootThatHasTheMountPoints) {
  for (const char* name : {"proc", "dev", "sys"}) root_.dir().MakeDir(name);
  std::thread worker([&] {
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    const std::string path = root_.path();
    ASSERT_EQ(mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(mount(nullptr, path.c_str(), nullptr,
                    MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr),
              0);
    const Ran ran = MustRun(root_.Shell("touch /x; ls /etc"));
    EXPECT_EQ(ran.out, "group\npasswd\n");
    EXPECT_THAT(ran.err, HasSubstr("Read-only file system"));
  });
  worker.join();
}

TEST_F(SandboxMountsTest, HasTheUsualDevices) {
  const std::string out = Output(root_.Shell(
      "stat -c '%n %F %t,%T %a' /dev/null /dev/zero /dev/full /dev/random "
      "/dev/urandom /dev/tty; for l in fd stdin ptmx; do readlink /dev/$l; "
      "done; "
      "stat -c '%n %a' /dev/shm /dev/pts/ptmx; "
      "head -c 4 /dev/zero | wc -c; echo x > /dev/null; "
      "echo x > /dev/shm/f; cat < /dev/shm/f; "
      "df -k /dev/shm | grep -c 65536; ls -d /dev/mqueue"));
  EXPECT_EQ(out,
            "/dev/null character special file 1,3 666\n"
            "/dev/zero character special file 1,5 666\n"
            "/dev/full character special file 1,7 666\n"
            "/dev/random character special file 1,8 666\n"
            "/dev/urandom character special file 1,9 666\n"
            "/dev/tty character special file 5,0 666\n"
            "/proc/self/fd\n/proc/self/fd/0\npts/ptmx\n"
            "/dev/shm 1777\n/dev/pts/ptmx 666\n4\nx\n1\n/dev/mqueue\n");
}

}  // namespace
}  // namespace strake::builder::sandbox
