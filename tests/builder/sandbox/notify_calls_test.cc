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
    ProcessSpec spec = root_.Spec({"/cases", name});
    spec.journal = &journal_;
    std::string out;
    const auto collect = [&](Stream, std::string_view text) { out += text; };
    Result<ExitStatus> status = sandbox.Run(spec, collect, {});
    if (!status) return status.error().message();
    EXPECT_EQ(status->ShellCode(), 0);
    return out;
  }

  TestRoot root_;
  OwnershipJournal journal_;
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

TEST_P(NotifyCallsTest, BlockedCallsAreStartedAgain) {
  EXPECT_EQ(Case("blocked-open"), "read right\nstatus 0\n");
}

TEST_P(NotifyCallsTest, MessagesStayInTheRoot) {
  EXPECT_EQ(Case("messages"),
            "sent 7\nmessages 2\nfirst 3\nsecond 7\n"
            "received onemore\nreceived one\nreceived onemore\n");
}

TEST_P(NotifyCallsTest, SocketsKeepTheirNames) {
  EXPECT_EQ(Case("socket-names"),
            "peer 1\nthere 1\npeer 1\nthere 1\nown 1\nanswer\n");
}

TEST_P(NotifyCallsTest, ServersKnowTheirClients) {
  EXPECT_EQ(Case("peer-credentials"),
            "result 0\nprocess 1\nuser 34\ngroup 33\n");
}

TEST_P(NotifyCallsTest, NoStopIsLost) { EXPECT_EQ(Case("stops"), "lost 0\n"); }

TEST_P(NotifyCallsTest, UnknownFlagsAreRefused) {
  EXPECT_EQ(Case("unknown-flags"),
            "utimensat 22\nfaccessat2 22\nnewfstatat 22\nstatx 22\n"
            "both 22\n");
}

TEST_P(NotifyCallsTest, DirectoriesTellDevices) {
  EXPECT_EQ(Case("make-device"), "made 0\n");
  EXPECT_EQ(Case("find-device"), "type 2\n");
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
