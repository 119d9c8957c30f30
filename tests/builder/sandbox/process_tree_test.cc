// What is left of a run: nothing, however it ended.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/builder/sandbox/test_root.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

// /proc/PID/cmdline; empty for a process that is gone.
std::string CommandLine(const std::filesystem::path& process) {
  UniqueFd file(open((process / "cmdline").c_str(), O_RDONLY | O_CLOEXEC));
  char text[4096];
  const ssize_t n = file ? read(file.get(), text, sizeof(text)) : 0;
  return {text, n > 0 ? static_cast<size_t>(n) : 0};
}

// How many processes have `argument` on their command line.
int CountProcesses(const std::string& argument) {
  int count = 0;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc", error)) {
    if (CommandLine(entry.path()).find(argument) != std::string::npos) ++count;
  }
  return count;
}

// Waits until `expected` of them are there; the last count.
int AwaitProcesses(const std::string& argument, int expected) {
  const auto deadline = Clock::now() + seconds(60);
  int count = CountProcesses(argument);
  while (count != expected && Clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(60));
    count = CountProcesses(argument);
  }
  return count;
}

// An argument of sleep(1) that nobody else has.
std::string UniqueSleep(int salt) {
  return "7" + std::to_string(getpid()) + "." + std::to_string(salt);
}

class ProcessTreeTest : public ::testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_SANDBOX(); }
  TestRoot root_;
};

TEST_F(ProcessTreeTest, EndsWhatRunsInTheBackground) {
  const std::string nap = UniqueSleep(1);
  // A daemon that holds the pipe open must not keep `Run` waiting.
  const auto start = Clock::now();
  const Ran ran = MustRun(root_.Shell("setsid sh -c 'sleep " + nap +
                                      " & sleep " + nap + " &' ; echo done"));
  EXPECT_EQ(ran.out, "done\n");
  EXPECT_LT(Clock::now() - start, seconds(60));
  EXPECT_EQ(CountProcesses(nap), 0);
}

TEST_F(ProcessTreeTest, StoppingKillsTheWholeTree) {
  const std::string nap = UniqueSleep(2);
  std::stop_source stop;
  std::jthread stopper([&] {
    EXPECT_EQ(AwaitProcesses(nap, 3), 3);
    stop.request_stop();
  });
  const auto start = Clock::now();
  // The script's own shell has the text on its command line, too.
  Result<Ran> ran = TryRun(
      root_.Shell("(setsid sleep " + nap + " &) ; sleep " + nap + "; true"),
      stop.get_token());
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code(), ErrorCode::kCancelled);
  EXPECT_LT(Clock::now() - start, seconds(60));
  EXPECT_EQ(CountProcesses(nap), 0);
}

TEST_F(ProcessTreeTest, DoesNotStartOnceStopped) {
  std::stop_source stop;
  stop.request_stop();
  Result<Ran> ran = TryRun(root_.Shell("touch /started"), stop.get_token());
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code(), ErrorCode::kCancelled);
  EXPECT_FALSE(std::filesystem::exists(root_.path("started")));
}

TEST_F(ProcessTreeTest, ReapsOrphans) {
  // Double forks leave children to process 1; none may stay as a zombie.
  const std::string out = Output(root_.Shell(
      "for i in 1 2 3 4 5; do (true &) ; done; sleep 0.3; ps -o stat,comm"));
  EXPECT_THAT(out, ::testing::Not(::testing::HasSubstr("Z")));
}

TEST_F(ProcessTreeTest, CannotKillItsInit) {
  EXPECT_EQ(Output(root_.Shell("kill -9 1; sleep 0.1; echo alive")), "alive\n");
}

// A strake of its own, to be killed.
pid_t StartRunner(const TestRoot& root, const std::string& script) {
  const std::string path = root.path();
  const pid_t pid = fork();
  if (pid == 0) {
    const int null = open("/dev/null", O_RDWR);
    dup2(null, 2);
    execl(STRAKE_SANDBOX_RUNNER, STRAKE_SANDBOX_RUNNER, path.c_str(), "0:0",
          "sh", "-c", script.c_str(), nullptr);
    _exit(127);
  }
  return pid;
}

TEST_F(ProcessTreeTest, KillingStrakeLeavesNoProcess) {
  const std::string nap = UniqueSleep(3);
  const pid_t runner =
      StartRunner(root_, "(setsid sleep " + nap + " &) ; (sleep " + nap +
                             " &); sleep " + nap + "; true");
  // Three of them, the shell, and the runner itself.
  EXPECT_EQ(AwaitProcesses(nap, 5), 5);
  kill(runner, SIGKILL);
  waitpid(runner, nullptr, 0);
  EXPECT_EQ(AwaitProcesses(nap, 0), 0);
}

TEST_F(ProcessTreeTest, KillingStrakeAtAnyMomentLeavesNoProcess) {
  const std::string nap = UniqueSleep(4);
  // What a runner leaves becomes ours, whatever it is called by then.
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  for (int delay = 0; delay < 40; ++delay) {
    const pid_t runner = StartRunner(root_, "sleep " + nap);
    std::this_thread::sleep_for(std::chrono::microseconds(400 * delay));
    kill(runner, SIGKILL);
    waitpid(runner, nullptr, 0);
  }
  const auto deadline = Clock::now() + seconds(60);
  pid_t left = 0;
  while ((left = waitpid(-1, nullptr, WNOHANG | __WALL)) >= 0 &&
         Clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_EQ(left, -1) << "a process is still alive";
  EXPECT_EQ(CountProcesses(nap), 0);
  prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

}  // namespace
}  // namespace strake::builder::sandbox
