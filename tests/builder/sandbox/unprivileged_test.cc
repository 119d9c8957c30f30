// The same sandbox for a user who is not root: a program of its own, as
// entering a user namespace changes the whole process.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/builder/sandbox/mount_listing.h"
#include "tests/builder/sandbox/test_root.h"
#include "util/subprocess.h"

namespace strake::builder::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kUser[] = "65501";

class UnprivilegedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_SANDBOX();
    if (!Run({"unshare", "--version"}) || !Run({"setpriv", "--version"})) {
      GTEST_SKIP() << "needs unshare and setpriv (util-linux)";
    }
    ASSERT_EQ(
        Run({"chown", "-R", std::string(kUser) + ":" + kUser, root_.path()})
            ->exit_status,
        0);
    scratch_.Write("ids", std::string(kUser) + ":300000:65536\n");
    scratch_.Write("none", "");
    // newuidmap wants to know the user's name.
    scratch_.Write("passwd",
                   "root:x:0:0::/:/bin/sh\ntester:x:65501:65501::/:/\n");
    chmod(scratch_.path().c_str(), 0755);
  }

  static Result<SubprocessResult> Run(std::vector<std::string> argv) {
    SubprocessOptions options;
    options.argv = std::move(argv);
    return RunSubprocess(options);
  }

  // Runs `script` as `owner` in the sandbox that the user gets whose ids are in
  // `ids`; `options` go to setpriv.
  SubprocessResult As(const std::string& ids, const std::string& owner,
                      const std::string& script,
                      const std::string& options = "") {
    const std::string file = scratch_.path(ids);
    Result<SubprocessResult> ran =
        Run({"unshare", "-m", "sh", "-c",
             "mount --bind " + file + " /etc/subuid && mount --bind " + file +
                 " /etc/subgid && mount --bind " + scratch_.path("passwd") +
                 " /etc/passwd && exec setpriv --reuid " + kUser + " --regid " +
                 kUser + " --clear-groups " + options + " env " + variable_ +
                 " \"$0\" \"$1\" \"$2\" sh -c \"$3\"",
             STRAKE_SANDBOX_RUNNER, root_.path(), owner, script});
    if (!ran) {
      ADD_FAILURE() << ran.error().message();
      return {};
    }
    return std::move(ran).value();
  }

  TestRoot root_;
  testing::TempDir scratch_;
  std::string variable_;  // for the runner: "NAME=value"
};

TEST_F(UnprivilegedTest, MapsSubordinateIds) {
  const SubprocessResult ran =
      As("ids", "0:0",
         "id -u; touch /tmp/f && chown 42:43 /tmp/f && stat -c %u:%g /tmp/f; "
         "ps | wc -l; grep CapEff /proc/self/status; cat < /dev/zero | head -c "
         "1 | wc -c");
  EXPECT_THAT(ran.stderr_text,
              StartsWith("[userns-map: user namespace with 65536 subordinate "
                         "ids]\n"));
  EXPECT_THAT(ran.stdout_text, StartsWith("0\n42:43\n"));
  EXPECT_THAT(ran.stdout_text, HasSubstr("CapEff:\t00000000a80425fb\n1\n"));
  struct stat found {};
  ASSERT_EQ(stat(root_.path("tmp/f").c_str(), &found), 0);
  EXPECT_EQ(found.st_uid, 300041U);
}

TEST_F(UnprivilegedTest, RunsAsOthersWithSubordinateIds) {
  const SubprocessResult ran = As("ids", "33:34", "id -u; id -g; id -G");
  EXPECT_EQ(ran.stdout_text, "33\n34\n34\n");
}

// The journal of one run is the next one's.
TEST_F(UnprivilegedTest, MakesDevicesWithSubordinateIds) {
  ASSERT_EQ(Run({"install", "-d", "-m", "777", scratch_.path("journal")})
                ->exit_status,
            0);
  variable_ = "STRAKE_JOURNAL=" + scratch_.path("journal") + "/j";
  const std::string look = "stat -c '%n %F %t:%T %a %u:%g' ";
  SubprocessResult ran =
      As("ids", "0:0",
         "umask 027; mknod /tmp/n c 1 3 && mknod /tmp/b b 8 1 && chown 42:43 "
         "/tmp/b && ln /tmp/n /tmp/h && mv /tmp/b /tmp/c && mknod /tmp/gone c "
         "1 5 && rm /tmp/gone && touch /tmp/gone; mknod /tmp/n c 1 5; cd /tmp; "
         "echo lost > n; wc -c < n; cat c; " +
             look + "n h c gone");
  EXPECT_EQ(ran.stdout_text,
            "0\nn character special file 1:3 640 0:0\n"
            "h character special file 1:3 640 0:0\n"
            "c block special file 8:1 640 42:43\n"
            "gone regular empty file 0:0 640 0:0\n")
      << ran.stderr_text;
  EXPECT_THAT(ran.stderr_text, HasSubstr("[anew]\n"));
  EXPECT_THAT(ran.stderr_text, HasSubstr("/tmp/n: File exists"));
  EXPECT_THAT(ran.stderr_text, HasSubstr("open 'c': Operation not permitted"));
  ran = As("ids", "0:0",
           "cd /tmp; chmod 600 h; chown 5:6 c; find . -type b; rm c n; "
           "mknod c c 5 0; " +
               look + "h c");
  EXPECT_THAT(ran.stderr_text, Not(HasSubstr("[anew]\n")));
  EXPECT_EQ(ran.stdout_text,
            "./c\nh character special file 1:3 600 0:0\n"
            "c character special file 5:0 644 0:0\n")
      << ran.stderr_text;
}

// What the kernel would refuse anyway does not make it begin anew.
TEST_F(UnprivilegedTest, RefusesDevicesToOthersWithSubordinateIds) {
  SubprocessResult ran = As("ids", "33:33", "mknod /tmp/n c 1 3");
  EXPECT_THAT(ran.stderr_text, HasSubstr("Operation not permitted"));
  EXPECT_THAT(ran.stderr_text, Not(HasSubstr("[anew]\n")));
  ran = As("ids", "0:0", "mknod /dev/null c 1 3; mknod /nowhere/n c 1 3");
  EXPECT_THAT(ran.stderr_text, HasSubstr("File exists"));
  EXPECT_THAT(ran.stderr_text, HasSubstr("No such file"));
  EXPECT_THAT(ran.stderr_text, Not(HasSubstr("[anew]\n")));
}

// A directory that is not searched, a file that is not read.
TEST_F(UnprivilegedTest, KeepsOthersFromDevicesWithSubordinateIds) {
  ASSERT_EQ(Run({"install", "-d", "-m", "777", scratch_.path("journal")})
                ->exit_status,
            0);
  variable_ = "STRAKE_JOURNAL=" + scratch_.path("journal") + "/j";
  ASSERT_EQ(As("ids", "0:0",
               "cd /tmp; mkdir -m 700 d; mknod -m 666 d/n c 1 3; mknod -m 600 "
               "n c 1 3; mknod -m 666 o c 1 3")
                .exit_status,
            0);
  const SubprocessResult ran =
      As("ids", "33:33",
         "cd /tmp; stat -c %F d/n; stat -c %F n; cat n; cat o; echo a > o");
  EXPECT_EQ(ran.stdout_text, "character special file\n");
  EXPECT_THAT(ran.stderr_text, HasSubstr("d/n"));
  EXPECT_THAT(ran.stderr_text, HasSubstr("open 'n': Permission denied"));
  EXPECT_THAT(ran.stderr_text, Not(HasSubstr("'o'")));
}

TEST_F(UnprivilegedTest, RunsAsOthersWithASingleId) {
  const auto before = Listing(root_.path());
  const SubprocessResult ran =
      As("none", "33:34",
         "id -u; id -g; cat /proc/1/comm; ls /dev/pts; stat -c %u /dev/null; "
         "readlink /proc/self/exe; cat /proc/self/comm; chown 0 /bin");
  EXPECT_THAT(ran.stderr_text,
              StartsWith("[userns-emu: /etc/subgid grants no ids to user "
                         "tester; user namespace with a single id]\n"));
  EXPECT_THAT(ran.stderr_text, HasSubstr("Operation not permitted"));
  EXPECT_EQ(ran.stdout_text,
            "33\n34\nstrake-init\nptmx\n0\n/bin/busybox\ncat\n");
  EXPECT_EQ(Listing(root_.path()), before);
}

TEST_F(UnprivilegedTest, GivesFilesAwayWithASingleId) {
  const SubprocessResult ran =
      As("none", "0:0",
         "touch /tmp/f && chown 42:43 /tmp/f && chmod 4711 /tmp/f && stat -c "
         "'%u:%g %a' /tmp/f; mknod /tmp/n c 1 3 && stat -c %F /tmp/n && echo a "
         "> /tmp/n && wc -c < /tmp/n; mkfifo /tmp/p && (echo b > /tmp/p &) && "
         "cat /tmp/p; ln -s /proc/self/mounts /tmp/m && wc -c < /tmp/m > "
         "/dev/stdout | grep -qv '^0' && ls /proc/self/fd | wc -l");
  EXPECT_EQ(ran.stdout_text, "42:43 4711\ncharacter special file\n0\nb\n4\n")
      << ran.stderr_text;
}

TEST_F(UnprivilegedTest, NewFilesAreWhoseTheyShouldWithASingleId) {
  const SubprocessResult ran = As(
      "none", "0:0",
      // In a directory that gives its group.
      "mkdir /tmp/g && chown 0:9 /tmp/g && chmod 2775 /tmp/g && echo a > "
      "/tmp/g/f && mkdir /tmp/g/d && stat -c '%g %a' /tmp/g/f /tmp/g/d; "
      // With the number of a file that was another's.
      "echo a > /tmp/r && chown 5 /tmp/r && rm /tmp/r; for i in 1 2 3 4 5 6 7 "
      "8 9; do echo a > /tmp/r$i; done; stat -c %u /tmp/r? | sort -u; "
      "echo a > /tmp/a && chown 5 /tmp/a && echo b > /tmp/b && mv /tmp/b "
      "/tmp/a; for i in 1 2 3 4 5 6 7 8 9; do mkdir /tmp/q$i; done; stat -c %u "
      "/tmp/a /tmp/q? | sort -u; "
      "(umask 0777; echo a > /tmp/u); stat -c %a /tmp/u");
  EXPECT_EQ(ran.stdout_text, "9 644\n9 2755\n0\n0\n0\n") << ran.stderr_text;
}

TEST_F(UnprivilegedTest, AppliesSetIdBitsWithASingleId) {
  const SubprocessResult ran =
      As("none", "0:0",
         "cp /bin/busybox /tmp/id && chown 7:8 /tmp/id && chmod 6755 /tmp/id; "
         "/tmp/id -u; /tmp/id -ru; /tmp/id -g");
  EXPECT_EQ(ran.stdout_text, "7\n0\n8\n") << ran.stderr_text;
}

TEST_F(UnprivilegedTest, KeepsOthersOutWithASingleId) {
  ASSERT_EQ(As("none", "0:0",
               "echo a > /tmp/s; chmod 600 /tmp/s; mkdir -m 700 /tmp/d")
                .exit_status,
            0);
  const SubprocessResult ran =
      As("none", "33:33", "cat /tmp/s; cd /tmp/d; ls /tmp/d; /tmp/s; id -u");
  EXPECT_EQ(ran.stdout_text, "33\n") << ran.stderr_text;
  EXPECT_THAT(ran.stderr_text, HasSubstr("cat: can't open '/tmp/s'"));
}

TEST_F(UnprivilegedTest, EndsWithTheSupervisorOfASingleId) {
  if (!Run({"pgrep", "--version"})) GTEST_SKIP() << "needs pgrep (procps)";
  // The first supervisor is the probe's, which is over once the choice is told.
  const std::string script =
      std::string("setpriv --reuid ") + kUser + " --regid " + kUser +
      " --clear-groups \"$0\" \"$1\" 0:0 sleep 1000 2> \"$2\" & until grep -q "
      "userns-emu \"$2\" && supervisor=$(pgrep -P $! -x strake-notify); do "
      "sleep 0.02; done; kill -9 $supervisor; wait $!; status=$?; cat \"$2\"; "
      "exit $status";
  Result<SubprocessResult> ran =
      Run({"timeout", "60", "sh", "-c", script, STRAKE_SANDBOX_RUNNER,
           root_.path(), scratch_.path("errors")});
  ASSERT_TRUE(ran) << ran.error().message();
  EXPECT_EQ(ran->exit_status, 125);
  EXPECT_THAT(ran->stdout_text, HasSubstr("the supervisor ended"));
}

TEST_F(UnprivilegedTest, WorksWithASingleId) {
  variable_ = "STRAKE_ISOLATION=userns-single";
  const auto before = Listing(root_.path());
  const SubprocessResult ran =
      As("none", "0:0", "id -u; id -g; cat /proc/1/comm; ls /dev/pts");
  EXPECT_THAT(ran.stderr_text, StartsWith("[userns-single: asked for]"));
  EXPECT_EQ(ran.stdout_text, "0\n0\nstrake-init\nptmx\n");
  EXPECT_EQ(ran.exit_status, 0);
  EXPECT_EQ(Listing(root_.path()), before);
}

TEST_F(UnprivilegedTest, SaysWhatASingleIdCannotDo) {
  variable_ = "STRAKE_ISOLATION=userns-single";
  const SubprocessResult ran = As("none", "33:33", "true");
  EXPECT_EQ(ran.exit_status, 125);
  EXPECT_THAT(ran.stderr_text, HasSubstr("error: unsupported: "));
  EXPECT_THAT(ran.stderr_text, HasSubstr("USER 33:33"));
  EXPECT_THAT(ran.stderr_text, HasSubstr("/etc/subuid"));
}

TEST_F(UnprivilegedTest, FallsBackToASingleIdUnderNoNewPrivs) {
  // newuidmap's set-id bit is ignored then.
  const SubprocessResult ran = As("ids", "0:0", "id -u", "--no-new-privs");
  EXPECT_THAT(ran.stderr_text, StartsWith("[userns-emu: newgidmap"));
  EXPECT_EQ(ran.stdout_text, "0\n");
}

TEST_F(UnprivilegedTest, HasAnEmptyNetworkOfItsOwn) {
  for (const char* ids : {"ids", "none"}) {
    const SubprocessResult ran =
        As(ids, "0:0:none", "ls /sys/class/net; ip addr | grep -c 127.0.0.1");
    EXPECT_EQ(ran.stdout_text, "lo\n1\n") << ran.stderr_text;
  }
}

TEST_F(UnprivilegedTest, RefusesMountsInside) {
  const SubprocessResult ran =
      As("ids", "0:0", "mount -t tmpfs none /tmp; unshare -U true");
  EXPECT_THAT(ran.stderr_text, HasSubstr("Operation not permitted"));
  EXPECT_NE(ran.exit_status, 0);
}

TEST_F(UnprivilegedTest, TakesWhatWorksWithoutNamespaces) {
  // No user namespace may be made in this one.
  Result<SubprocessResult> ran =
      Run({"unshare", "-Ur", "sh", "-c",
           "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv "
           "--bounding-set -all --inh-caps -all --securebits "
           "+noroot,+noroot_locked \"$0\" \"$1\" 0:0 true",
           STRAKE_SANDBOX_RUNNER, root_.path()});
  ASSERT_TRUE(ran) << ran.error().message();
  EXPECT_THAT(ran->stderr_text,
              StartsWith("[notify: unshare(CLONE_NEWNS): Operation not "
                         "permitted; unshare(CLONE_NEWUSER | CLONE_NEWNS): "
                         "No space left on device]\n"));
}

}  // namespace
}  // namespace strake::builder::sandbox
