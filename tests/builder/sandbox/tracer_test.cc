// What only a tracer has to get right: who is left when somebody is killed, and
// the filter where we run it ourselves.

#include "builder/sandbox/notify/tracer.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "builder/sandbox/notify/filter.h"
#include "builder/sandbox/notify/loader/protocol.h"
#include "builder/sandbox/notify/notify_sandbox.h"
#include "builder/sandbox/notify/run_filter.h"
#include "tests/builder/sandbox/test_root.h"

namespace strake::builder::sandbox {
namespace {

using std::chrono::milliseconds;

std::vector<pid_t> ChildrenOf(pid_t process) {
  const std::string id = std::to_string(process);
  std::ifstream file("/proc/" + id + "/task/" + id + "/children");
  return {std::istream_iterator<pid_t>(file), {}};
}

class TracerTest : public ::testing::TestWithParam<notify::CallTransport> {
 protected:
  void SetUp() override {
    if (Status probed = ProbeTrace(); !probed) {
      GTEST_SKIP() << probed.error().message();
    }
    // What a run leaves becomes ours.
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  }
  void TearDown() override { prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0); }

  // A process that does what strake does.
  pid_t Start(const std::string& script) {
    const ProcessSpec spec = root_.Shell(script);
    const pid_t pid = fork();
    if (pid == 0) {
      NotifySandbox sandbox(
          {.scratch = scratch_.path(), .transport = GetParam()});
      const Result<ExitStatus> ended = sandbox.Run(spec, {}, {});
      _exit(ended ? 0 : 1);
    }
    return pid;
  }

  // Whether nobody is left; waits for those who end.
  bool NobodyIsLeft() {
    const auto deadline =
        std::chrono::steady_clock::now() + milliseconds(30000);
    while (true) {
      const pid_t ended = waitpid(-1, nullptr, WNOHANG | __WALL);
      if (ended < 0) return errno == ECHILD;
      if (ended > 0) continue;
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(milliseconds(1));
    }
  }

  TestRoot root_;
  testing::TempDir scratch_;
};

constexpr char kFamily[] =
    "(setsid sleep 1000 &); (while true; do mkdir /d; rmdir /d; done) &"
    "(while true; do true | true; done) & sh -c 'kill -STOP $$' & sleep 1000";

TEST_P(TracerTest, KillingStrakeAtAnyMomentLeavesNobody) {
  for (int delay = 0; delay < 25; ++delay) {
    const pid_t strake = Start(kFamily);
    std::this_thread::sleep_for(milliseconds(3 * delay));
    kill(strake, SIGKILL);
    ASSERT_TRUE(NobodyIsLeft()) << "killed after " << 3 * delay << " ms";
  }
}

TEST_P(TracerTest, KillingTheSupervisorEndsTheRun) {
  for (int delay = 0; delay < 10; ++delay) {
    const pid_t strake = Start(kFamily);
    std::vector<pid_t> supervisor;
    while (supervisor.empty()) {
      supervisor = ChildrenOf(strake);
      std::this_thread::sleep_for(milliseconds(1));
    }
    std::this_thread::sleep_for(milliseconds(5 * delay));
    kill(supervisor.front(), SIGKILL);
    ASSERT_TRUE(NobodyIsLeft());
  }
}

// Each starts the next and ends, so that no look ever finds the same ones, and
// the kernel always has a younger one to tell of.
constexpr char kChains[] =
    "f() { f & }; i=0; while [ $i -lt 20 ]; do f; i=$((i+1)); done; sleep 0.2";

TEST_P(TracerTest, ForkingWithoutEndEndsWithTheFirstProcess) {
  const pid_t strake = Start(kChains);
  const bool ended = NobodyIsLeft();
  if (!ended) kill(strake, SIGKILL);
  EXPECT_TRUE(ended);
}

INSTANTIATE_TEST_SUITE_P(Transports, TracerTest,
                         ::testing::Values(notify::CallTransport::kTracer,
                                           notify::CallTransport::kEagerTracer),
                         [](const auto& info) {
                           return std::string(
                               info.param == notify::CallTransport::kTracer
                                   ? "Tracer"
                                   : "EagerTracer");
                         });

seccomp_data Call(int number, std::vector<uint64_t> arguments = {}) {
  seccomp_data call = {};
  call.nr = number;
  call.arch = AUDIT_ARCH_X86_64;
  std::copy(arguments.begin(), arguments.end(), call.args);
  return call;
}

TEST(RunFilterTest, AnswersAsTheKernelWould) {
  const int calls[] = {SYS_mkdir};
  const std::vector<BpfInstruction> filter =
      notify::NotifyFilter(calls, notify::AnsweredBy::kTracer);
  const auto run = [&](const seccomp_data& call) {
    return notify::RunFilter(filter, call);
  };
  EXPECT_EQ(run(Call(SYS_mkdir)), SECCOMP_RET_TRACE);
  EXPECT_EQ(run(Call(SYS_read)), SECCOMP_RET_ALLOW);
  EXPECT_EQ(run(Call(SYS_io_uring_setup)), SECCOMP_RET_ERRNO | ENOSYS);
  EXPECT_EQ(run(Call(SYS_openat, {0, 0x1234})), SECCOMP_RET_TRACE);
  EXPECT_EQ(run(Call(SYS_openat, {0, notify::kArenaAddress + 512})),
            SECCOMP_RET_ALLOW);
  // Only who listens himself is in the tracer's way.
  EXPECT_EQ(run(Call(SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 0})),
            SECCOMP_RET_ALLOW);
  EXPECT_EQ(run(Call(SYS_seccomp, {SECCOMP_SET_MODE_FILTER,
                                   SECCOMP_FILTER_FLAG_NEW_LISTENER})),
            SECCOMP_RET_ERRNO | EBUSY);
  seccomp_data other = Call(SYS_read);
  other.arch = AUDIT_ARCH_I386;
  EXPECT_EQ(run(other), SECCOMP_RET_ERRNO | ENOSYS);
}

TEST(RunFilterTest, RefusesWhatItDoesNotKnow) {
  const BpfInstruction unknown[] = {{.code = 0xffff}};
  EXPECT_EQ(notify::RunFilter(unknown, Call(0)), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(notify::RunFilter({}, Call(0)), SECCOMP_RET_KILL_PROCESS);
}

}  // namespace
}  // namespace strake::builder::sandbox
