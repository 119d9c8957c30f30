#include "util/subprocess.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace strake {
namespace {

SubprocessOptions Shell(const std::string& script) {
  SubprocessOptions options;
  options.argv = {"sh", "-c", script};
  return options;
}

TEST(SubprocessTest, CollectsBothStreamsAndTheStatus) {
  auto result = RunSubprocess(Shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->exit_status, 3);
  EXPECT_EQ(result->stdout_text, "out\n");
  EXPECT_EQ(result->stderr_text, "err\n");
}

TEST(SubprocessTest, FeedsInputLargerThanAPipe) {
  SubprocessOptions options = Shell("cat");
  options.stdin_text.assign(3 << 20, 'x');
  auto result = RunSubprocess(options);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->stdout_text, options.stdin_text);
}

TEST(SubprocessTest, SurvivesAProgramThatDoesNotReadItsInput) {
  SubprocessOptions options = Shell("exec <&-; sleep 0.1; echo done");
  options.stdin_text.assign(3 << 20, 'x');
  auto result = RunSubprocess(options);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->stdout_text, "done\n");
}

TEST(SubprocessTest, ShowsAKillingSignalAsTheShellDoes) {
  auto result = RunSubprocess(Shell("kill -9 $$"));
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->exit_status, 128 + 9);
}

TEST(SubprocessTest, NamesAMissingProgram) {
  SubprocessOptions options;
  options.argv = {"strake-no-such-program"};
  auto result = RunSubprocess(options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(result.error().message().find("strake-no-such-program"),
            std::string::npos);
}

TEST(SubprocessTest, GivesTheProgramTheEnvironmentAndFolderAskedFor) {
  SubprocessOptions options = Shell("echo $A; pwd");
  options.env = {{"A=1"}};
  options.working_dir = "/usr";
  auto result = RunSubprocess(options);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->stdout_text, "1\n/usr\n");
}

TEST(SubprocessTest, KillsAfterTheTimeout) {
  SubprocessOptions options = Shell("exec sleep 100");
  options.timeout = std::chrono::milliseconds(50);
  auto start = std::chrono::steady_clock::now();
  auto result = RunSubprocess(options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(SubprocessTest, StopsWhenAsked) {
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  auto result = RunSubprocess(Shell("exec sleep 100"), stop.get_token());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kCancelled);
}

TEST(SubprocessTest, DoesNotWaitForWhatRunsInTheBackground) {
  auto start = std::chrono::steady_clock::now();
  auto result = RunSubprocess(Shell("sleep 5 & echo here"));
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->stdout_text, "here\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
}

TEST(SubprocessTest, BoundsTheOutput) {
  SubprocessOptions options = Shell("yes");
  options.output_limit_bytes = 1 << 16;
  auto result = RunSubprocess(options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace strake
