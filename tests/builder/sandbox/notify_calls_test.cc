// System calls under the supervisor, to the letter: each test is a case of
// syscall_cases.cc, by every transport.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "builder/sandbox/notify/notify_sandbox.h"
#include "tests/builder/sandbox/test_root.h"

namespace strake::builder::sandbox {
namespace {

class NotifyCallsTest : public ::testing::TestWithParam<notify::CallTransport> {
 protected:
  void SetUp() override {
    const bool listens = GetParam() == notify::CallTransport::kListener;
    if (Status probed = listens ? ProbeNotify() : ProbeTrace(); !probed) {
      GTEST_SKIP() << probed.error().message();
    }
    std::filesystem::copy_file(STRAKE_SYSCALL_CASES, root_.path("cases"));
  }

  std::string Case(const std::string& name) {
    NotifySandbox sandbox({.scratch = {}, .transport = GetParam()});
    const ProcessSpec spec = root_.Spec({"/cases", name});
    std::string out;
    const auto collect = [&](Stream, std::string_view text) { out += text; };
    Result<ExitStatus> status = sandbox.Run(spec, collect, {});
    if (!status) return status.error().message();
    EXPECT_EQ(status->ShellCode(), 0);
    return out;
  }

  TestRoot root_;
};

TEST_P(NotifyCallsTest, CloseLetsGoOfALock) {
  EXPECT_EQ(Case("locks"), "held 0\n");
}

TEST_P(NotifyCallsTest, CloseEndsAFifo) {
  EXPECT_EQ(Case("fifo-ends"), "open yet 0\n");
}

TEST_P(NotifyCallsTest, ProgramsInMemoryAreForgotten) {
  EXPECT_EQ(Case("programs-in-memory"), "failed 0\nkept 0\n");
}

TEST_P(NotifyCallsTest, ConnectionsAreForgotten) {
  EXPECT_EQ(Case("connections"), "failed 0\nkept 0\n");
}

std::string NameOfTransport(
    const ::testing::TestParamInfo<notify::CallTransport>& info) {
  return info.param == notify::CallTransport::kListener ? "Listener" : "Tracer";
}

INSTANTIATE_TEST_SUITE_P(Transports, NotifyCallsTest,
                         ::testing::Values(notify::CallTransport::kListener,
                                           notify::CallTransport::kTracer),
                         NameOfTransport);

}  // namespace
}  // namespace strake::builder::sandbox
