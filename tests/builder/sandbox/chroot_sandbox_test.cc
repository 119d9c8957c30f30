#include "builder/sandbox/chroot_sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>

#include "tests/builder/sandbox/test_root.h"
#include "tests/support/expect_result.h"

namespace strake::builder::sandbox {
namespace {

using ::strake::testing::FailsWith;
using ::strake::testing::IsOk;
using ::strake::testing::TempDir;
using ::testing::HasSubstr;

class ChrootSandboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (Status works = ProbeChroot(); !works) {
      GTEST_SKIP() << works.error().message();
    }
  }

  Result<ExitStatus> Run(const ProcessSpec& spec, std::stop_token stop = {}) {
    out_.clear();
    return sandbox_.Run(
        spec, [&](Stream, std::string_view text) { out_ += text; }, stop);
  }
  // What a shell prints that has to succeed.
  std::string Shell(const std::string& script) {
    auto status = Run(root_.Shell(script));
    EXPECT_TRUE(IsOk(status));
    EXPECT_TRUE(status && status->ok()) << out_;
    return out_;
  }
  bool Exists(const std::string& name) {
    return std::filesystem::exists(
        std::filesystem::symlink_status(root_.path(name)));
  }

  TestRoot root_;
  ChrootSandbox sandbox_;
  std::string out_;
};

TEST_F(ChrootSandboxTest, RunsInTheRoot) {
  EXPECT_EQ(Shell("pwd; ls -d /bin; id -u; exit 0"), "/\n/bin\n0\n");
  auto status = Run(root_.Shell("exit 7"));
  ASSERT_TRUE(IsOk(status));
  EXPECT_EQ(status->code, 7);
}

TEST_F(ChrootSandboxTest, RunsAsAnotherUser) {
  ProcessSpec spec = root_.Shell("id -u; id -G");
  spec.uid = spec.gid = 1000;
  spec.supplementary_gids = {44};
  ASSERT_TRUE(IsOk(Run(spec)));
  EXPECT_EQ(out_, "1000\n1000 44\n");
}

TEST_F(ChrootSandboxTest, HasDevicesAndTakesThemAway) {
  EXPECT_EQ(Shell("echo x > /dev/null; head -c 2 /dev/zero | wc -c; "
                  "ls /proc /sys; touch /dev/made /proc/made"),
            "2\n/proc:\n\n/sys:\n");
  for (const char* name : {"dev", "proc", "sys", "etc/resolv.conf"}) {
    EXPECT_FALSE(Exists(name)) << name;
  }
}

TEST_F(ChrootSandboxTest, KeepsDockersCapabilitiesOnly) {
  ProcessSpec spec = root_.Shell("mount -t tmpfs none /tmp");
  auto status = Run(spec);
  ASSERT_TRUE(IsOk(status));
  EXPECT_FALSE(status->ok());
}

TEST_F(ChrootSandboxTest, PutsMountsInPlaceAsCopies) {
  TempDir source;
  source.Write("dir/file", "bound");
  ProcessSpec spec = root_.Shell(
      "cat /a/file /key; stat -c %a /key; echo new >> /cache/file; "
      "touch /scratch/x");
  Mount bind;
  bind.target = "/a";
  bind.source_path = source.path("dir");
  bind.read_only = true;
  Mount secret;
  secret.kind = Mount::Kind::kFile;
  secret.target = "/key";
  secret.content = "shh";
  Mount scratch;
  scratch.kind = Mount::Kind::kTmpfs;
  scratch.target = "/scratch";
  source.Write("cache/file", "old\n");
  Mount cache;
  cache.target = "/cache";
  cache.source_path = source.path("cache");
  cache.writes = Mount::Writes::kCache;
  spec.mounts = {bind, secret, scratch, cache};
  auto status = Run(spec);
  ASSERT_TRUE(IsOk(status));
  EXPECT_TRUE(status->ok()) << out_;
  EXPECT_EQ(out_, "boundshh400\n");
  EXPECT_EQ(source.Read("cache/file"), "old\nnew\n");
  for (const char* name : {"a", "key", "scratch", "cache"}) {
    EXPECT_FALSE(Exists(name)) << name;
  }
}

TEST_F(ChrootSandboxTest, CachesKeepNothingThatIsMountedInThem) {
  TempDir source;
  source.Write("outer/in/own", "own");
  source.Write("inner/file", "old\n");
  Mount outer;
  outer.target = "/c";
  outer.source_path = source.path("outer");
  outer.writes = Mount::Writes::kCache;
  Mount secret;
  secret.kind = Mount::Kind::kFile;
  secret.target = "/c/.netrc";
  secret.content = "shh";
  Mount inner = outer;
  inner.target = "/c/in";
  inner.source_path = source.path("inner");
  ProcessSpec spec = root_.Shell(
      "cat /c/.netrc; ls /c/in; echo a > /c/made; echo new >> /c/in/file");
  spec.mounts = {outer, secret, inner};
  ASSERT_TRUE(IsOk(Run(spec)));
  EXPECT_EQ(out_, "shhfile\n");
  EXPECT_FALSE(std::filesystem::exists(source.path("outer/.netrc")));
  EXPECT_FALSE(std::filesystem::exists(source.path("outer/in/file")));
  EXPECT_EQ(source.Read("outer/in/own"), "own");
  EXPECT_EQ(source.Read("outer/made"), "a\n");
  EXPECT_EQ(source.Read("inner/file"), "old\nnew\n");
}

TEST_F(ChrootSandboxTest, RefusesWhatItCannotDo) {
  ProcessSpec spec = root_.Shell("true");
  spec.network = Network::kNone;
  EXPECT_TRUE(FailsWith(Run(spec), ErrorCode::kUnsupported, "network"));
  spec = root_.Shell("true");
  Mount bind;
  bind.target = "/a";
  bind.source_path = root_.path();
  spec.mounts = {bind};
  EXPECT_TRUE(FailsWith(Run(spec), ErrorCode::kUnsupported, "mount at /a"));
}

TEST_F(ChrootSandboxTest, LeavesNoProcess) {
  const std::string nap = "6" + std::to_string(getpid());
  // Detached twice, and a tree that forks without end until it is killed.
  Shell("(setsid sh -c 'sleep " + nap + " & sleep " + nap +
        "' &) ; setsid sh -c 'while true; do sleep " + nap +
        " & sleep 0.01; done' & sleep 0.5; echo done");
  int left = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string file = (entry.path() / "cmdline").string();
    FILE* cmdline = fopen(file.c_str(), "r");
    if (cmdline == nullptr) continue;
    char text[512] = {};
    const size_t n = fread(text, 1, sizeof(text) - 1, cmdline);
    fclose(cmdline);
    if (std::string(text, n).find(nap) != std::string::npos) ++left;
  }
  EXPECT_EQ(left, 0);
}

TEST_F(ChrootSandboxTest, StopsWhenTold) {
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    stop.request_stop();
  });
  EXPECT_TRUE(FailsWith(Run(root_.Shell("sleep 600"), stop.get_token()),
                        ErrorCode::kCancelled, "was stopped"));
  EXPECT_FALSE(Exists("dev"));
}

TEST_F(ChrootSandboxTest, SaysWhatItCouldNotStart) {
  EXPECT_TRUE(FailsWith(Run(root_.Spec({"nothing"})), ErrorCode::kNotFound,
                        "not found in PATH"));
  EXPECT_FALSE(Exists("dev"));
}

}  // namespace
}  // namespace strake::builder::sandbox
