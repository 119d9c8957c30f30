#include "builder/sandbox/namespace_sandbox.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <thread>

#include "builder/sandbox/child_plan.h"
#include "tests/builder/sandbox/test_root.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class NamespaceSandboxTest : public ::testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_SANDBOX(); }
  TestRoot root_;
};

TEST_F(NamespaceSandboxTest, ReturnsTheExitCode) {
  EXPECT_EQ(MustRun(root_.Shell("exit 0")).status.code, 0);
  const ExitStatus status = MustRun(root_.Shell("exit 3")).status;
  EXPECT_EQ(status.code, 3);
  EXPECT_EQ(status.signal, 0);
  EXPECT_FALSE(status.ok());
}

TEST_F(NamespaceSandboxTest, ReturnsTheSignalThatEndedTheProgram) {
  const ExitStatus status = MustRun(root_.Shell("kill -TERM $$")).status;
  EXPECT_EQ(status.signal, SIGTERM);
  EXPECT_EQ(status.ShellCode(), 128 + SIGTERM);
}

TEST_F(NamespaceSandboxTest, DeliversMegabytesOfBothStreamsWhole) {
  const Ran ran = MustRun(
      root_.Shell("seq 1 300000 & seq 1 200000 >&2; wait; echo -n end"));
  EXPECT_EQ(std::ranges::count(ran.out, '\n'), 300000);
  EXPECT_EQ(std::ranges::count(ran.err, '\n'), 200000);
  EXPECT_THAT(ran.out, StartsWith("1\n2\n3\n"));
  EXPECT_THAT(ran.out, ::testing::EndsWith("299999\n300000\nend"));
}

TEST_F(NamespaceSandboxTest, StartsInTheWorkingDirectory) {
  ProcessSpec spec = root_.Spec({"pwd"});
  spec.cwd = "/tmp";
  EXPECT_EQ(Output(spec), "/tmp\n");
}

TEST_F(NamespaceSandboxTest, NamesAMissingWorkingDirectory) {
  ProcessSpec spec = root_.Spec({"pwd"});
  spec.cwd = "/no/such";
  Result<Ran> ran = TryRun(spec);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code(), ErrorCode::kIo);
  EXPECT_THAT(ran.error().message(),
              HasSubstr("working directory /no/such: No such file"));
}

TEST_F(NamespaceSandboxTest, TakesUserGroupAndSupplementaryGroups) {
  ProcessSpec spec = root_.Shell("id -u; id -g; id -G");
  spec.uid = 1000;
  spec.gid = 1001;
  spec.supplementary_gids = {44, 45};
  EXPECT_EQ(Output(spec), "1000\n1001\n1001 44 45\n");
}

TEST_F(NamespaceSandboxTest, DropsTheGroupsOfTheHost) {
  EXPECT_EQ(Output(root_.Spec({"id", "-G"})), "0\n");
}

TEST_F(NamespaceSandboxTest, PassesTheEnvironmentAsItIs) {
  ProcessSpec spec = root_.Spec({"env"});
  spec.env = {"B=2", "PATH=/nowhere:/bin", "A=x y"};
  EXPECT_EQ(Output(spec), "B=2\nPATH=/nowhere:/bin\nA=x y\n");
}

TEST_F(NamespaceSandboxTest, SetsHostNameAndHostsFile) {
  ProcessSpec spec = root_.Shell("hostname; cat /etc/hosts");
  spec.hostname = "buildkitsandbox";
  spec.extra_hosts = {{"db", "10.1.2.3"}, {"cache", "fd00::1"}};
  const std::string out = Output(spec);
  EXPECT_THAT(out, StartsWith("buildkitsandbox\n127.0.0.1\tlocalhost "
                              "buildkitsandbox\n"));
  EXPECT_THAT(out, HasSubstr("10.1.2.3\tdb\nfd00::1\tcache\n"));
}

TEST_F(NamespaceSandboxTest, GivesTheResolverOfTheHost) {
  std::ifstream file("/etc/resolv.conf");
  const std::string host{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(Output(root_.Spec({"cat", "/etc/resolv.conf"})), host);
}

TEST_F(NamespaceSandboxTest, NetworkNoneHasOnlyALoopbackThatIsUp) {
  ProcessSpec spec = root_.Shell(
      "ls /sys/class/net; ip addr show lo | grep -c 127.0.0.1; "
      "wc -c < /etc/resolv.conf");
  spec.network = Network::kNone;
  EXPECT_EQ(Output(spec), "lo\n1\n0\n");
}

TEST_F(NamespaceSandboxTest, FindsNoProgramInPath) {
  Result<Ran> ran = TryRun(root_.Spec({"no-such-program"}));
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(ran.error().message(),
              HasSubstr("\"no-such-program\": not found in PATH"));
}

TEST_F(NamespaceSandboxTest, SkipsWhatItMayNotExecute) {
  root_.dir().Write("first/echo", "not a program");
  ProcessSpec spec = root_.Spec({"echo", "ok"});
  spec.env = {"PATH=/first:/bin"};
  EXPECT_EQ(Output(spec), "ok\n");
  spec.env = {"PATH=/first:/missing"};
  Result<Ran> ran = TryRun(spec);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code(), ErrorCode::kIo);
  EXPECT_THAT(ran.error().message(),
              HasSubstr("/first/echo: Permission denied"));
}

TEST_F(NamespaceSandboxTest, ExplainsAnExecFormatError) {
  root_.dir().Write("bin/text", "echo no interpreter line\n");
  chmod(root_.path("bin/text").c_str(), 0755);
  Result<Ran> ran = TryRun(root_.Spec({"text"}));
  ASSERT_FALSE(ran);
  EXPECT_THAT(ran.error().message(), HasSubstr("exec format error"));
  EXPECT_THAT(ran.error().message(), HasSubstr("another architecture"));
}

TEST_F(NamespaceSandboxTest, ExplainsAMissingInterpreter) {
  root_.dir().Write("bin/script", "#!/usr/bin/python9\n");
  chmod(root_.path("bin/script").c_str(), 0755);
  Result<Ran> ran = TryRun(root_.Spec({"/bin/script"}));
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(ran.error().message(), HasSubstr("the interpreter it names"));
}

TEST_F(NamespaceSandboxTest, RejectsASpecWithoutSense) {
  EXPECT_EQ(TryRun(root_.Spec({})).error().code(), ErrorCode::kInvalidArgument);
  ProcessSpec spec = root_.Spec({"true"});
  spec.cwd = "relative";
  EXPECT_EQ(TryRun(spec).error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(NamespaceSandboxTest, ReadsNothingFromStandardInput) {
  EXPECT_EQ(Output(root_.Shell("wc -c; readlink /proc/self/fd/0")),
            "0\n/dev/null\n");
}

TEST_F(NamespaceSandboxTest, UsesTheDescriptorsItIsGiven) {
  root_.dir().Write("in", "from a file");
  UniqueFd in(open(root_.path("in").c_str(), O_RDONLY | O_CLOEXEC));
  UniqueFd out(
      open(root_.path("out").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644));
  ProcessSpec spec = root_.Shell("cat; echo error >&2");
  spec.stdin_fd = in.get();
  spec.stdout_fd = out.get();
  const Ran ran = MustRun(spec);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "error\n");
  char text[64] = {};
  EXPECT_EQ(pread(out.get(), text, sizeof(text), 0), 11);
  EXPECT_STREQ(text, "from a file");
}

TEST_F(NamespaceSandboxTest, LetsAnyUserOpenDevStdout) {
  ProcessSpec spec =
      root_.Shell("echo out > /dev/stdout; echo err>/dev/stderr");
  spec.uid = spec.gid = 1000;
  const Ran ran = MustRun(spec);
  EXPECT_EQ(ran.out, "out\n");
  EXPECT_EQ(ran.err, "err\n");
}

TEST_F(NamespaceSandboxTest, LeaksNoDescriptor) {
  UniqueFd leak(open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  // 3 is the directory that ls reads.
  EXPECT_EQ(Output(root_.Spec({"ls", "/proc/self/fd"})), "0\n1\n2\n3\n");
}

TEST_F(NamespaceSandboxTest, StartsWithDefaultSignalsAndUmask) {
  struct sigaction before {};
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGUSR1, &ignore, &before);
  const std::string out =
      Output(root_.Shell("grep -E 'Sig(Ign|Blk)' /proc/self/status; umask"));
  sigaction(SIGUSR1, &before, nullptr);
  EXPECT_EQ(out,
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0022\n");
}

TEST_F(NamespaceSandboxTest, RunsSeveralAtOnce) {
  std::vector<std::thread> threads;
  std::vector<std::string> outputs(6);
  for (size_t i = 0; i < outputs.size(); ++i) {
    threads.emplace_back([&, i] {
      const TestRoot root;
      for (int round = 0; round < 5; ++round) {
        outputs[i] = Output(
            root.Shell("echo -n " + std::to_string(i) + "; cat /dev/null"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(outputs, ElementsAre("0", "1", "2", "3", "4", "5"));
}

// Makes `calls` fail with ENOSYS in this thread and what it starts.
void ForgetCalls(std::initializer_list<long> calls) {
  std::vector<sock_filter> code = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const long call : calls) {
    code.push_back(
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

TEST_F(NamespaceSandboxTest, WorksWithoutTheCallsOfNewerKernels) {
  root_.dir().Write("in/f", "x");
  std::thread worker([&] {
    // Those of 5.12, 5.9 and 5.6.
    ForgetCalls({SYS_mount_setattr, SYS_close_range, SYS_openat2});
    ProcessSpec spec = root_.Shell(
        "touch /m/new; cat /m/f; echo x > /proc/sys/kernel/hostname; ls "
        "/proc/self/fd");
    Mount mount;
    mount.source_path = root_.path("in");
    mount.target = "/m";
    mount.read_only = true;
    spec.mounts = {mount};
    UniqueFd leak(open("/dev/null", O_RDONLY));
    const Ran ran = MustRun(spec);
    EXPECT_THAT(ran.out, StartsWith("x0\n1\n2\n3\n"));
    EXPECT_THAT(ran.out, Not(HasSubstr("regular")));
    EXPECT_THAT(ran.err, HasSubstr("/m/new: Read-only file system"));
    EXPECT_THAT(ran.err, HasSubstr("kernel/hostname: Read-only file system"));
  });
  worker.join();
}

TEST(ProgramCandidatesTest, SearchesPathOfTheEnvironment) {
  EXPECT_THAT(ProgramCandidates("sh", {"A=1", "PATH=/a::/b"}),
              ElementsAre("/a/sh", "./sh", "/b/sh"));
  EXPECT_THAT(ProgramCandidates("./sh", {"PATH=/a"}), ElementsAre("./sh"));
  EXPECT_THAT(ProgramCandidates("sh", {}).front(), "/usr/local/sbin/sh");
  EXPECT_THAT(ProgramCandidates("", {"PATH=/a"}), ElementsAre());
}

}  // namespace
}  // namespace strake::builder::sandbox
