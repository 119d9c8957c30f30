// Steps under the supervisor, in a busybox root: as root without capabilities.
// By every transport; an eager tracer works without another's listener, too.

#include "builder/sandbox/notify/notify_sandbox.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "tests/builder/sandbox/test_root.h"

namespace strake::builder::sandbox {
namespace {

class NotifySandboxTest
    : public ::testing::TestWithParam<notify::CallTransport> {
 protected:
  void SetUp() override {
    const bool listens = GetParam() == notify::CallTransport::kListener;
    if (Status probed = listens ? ProbeNotify() : ProbeTrace(); !probed) {
      GTEST_SKIP() << probed.error().message();
    }
  }

  Result<Ran> Try(ProcessSpec spec, std::stop_token stop = {}) {
    NotifySandbox sandbox({.scratch = {}, .transport = GetParam()});
    spec.journal = &journal_;
    spec.touched = &touched_;
    Ran ran;
    const auto collect = [&](Stream stream, std::string_view text) {
      (stream == Stream::kStdout ? ran.out : ran.err) += text;
    };
    Result<ExitStatus> status = sandbox.Run(spec, collect, stop);
    if (!status) return std::move(status).error();
    ran.status = *status;
    return ran;
  }
  std::string Run(const ProcessSpec& spec) {
    Result<Ran> ran = Try(spec);
    if (!ran) {
      ADD_FAILURE() << ran.error().message();
      return {};
    }
    EXPECT_EQ(ran->status.ShellCode(), 0) << ran->out << ran->err;
    EXPECT_EQ(ran->err, "");
    return ran->out;
  }
  std::string Shell(const std::string& script) {
    return Run(root_.Shell(script));
  }

  TestRoot root_;
  OwnershipJournal journal_;
  std::optional<std::set<std::string>> touched_;
};

TEST_P(NotifySandboxTest, RunsAsRootInTheRoot) {
  EXPECT_EQ(Shell("id -u; pwd; ls /bin/busybox"), "0\n/\n/bin/busybox\n");
}

TEST_P(NotifySandboxTest, OwnersGoToTheJournalAndComeBack) {
  EXPECT_EQ(Shell("touch /f; chown 5:6 /f; stat -c %u:%g /f"), "5:6\n");
  struct stat file {};
  ASSERT_EQ(stat(root_.path("f").c_str(), &file), 0);
  EXPECT_EQ(file.st_uid, geteuid());
  ASSERT_NE(journal_.Find("f"), nullptr);
  EXPECT_EQ(journal_.Find("f")->uid, 5U);
  EXPECT_EQ(Shell("stat -c %u:%g /f; rm /f"), "5:6\n");
  EXPECT_EQ(journal_.Find("f"), nullptr);
}

TEST_P(NotifySandboxTest, ModesKeepTheBuilderAble) {
  EXPECT_EQ(Shell("mkdir /d; echo x >/d/f; chmod 000 /d/f /d; cat /d/f;"
                  "stat -c %a /d /d/f"),
            "x\n0\n0\n");
  EXPECT_EQ(journal_.Find("d")->mode, S_IFDIR | 0U);
  struct stat directory {};
  ASSERT_EQ(stat(root_.path("d").c_str(), &directory), 0);
  EXPECT_EQ(directory.st_mode & 0777, 0700U);
}

TEST_P(NotifySandboxTest, AUserMayDoWhatAUserMay) {
  ProcessSpec spec = root_.Shell(
      "id -u; touch /tmp/mine; touch /etc/no 2>/dev/null || echo denied;"
      "chown 0 /tmp/mine 2>/dev/null || echo denied; stat -c %u /tmp/mine");
  spec.uid = spec.gid = 1000;
  EXPECT_EQ(Run(spec), "1000\ndenied\ndenied\n1000\n");
}

TEST_P(NotifySandboxTest, DevicesAreRecordedAndWork) {
  EXPECT_EQ(Shell("mknod /n c 1 3; echo x >/n; cat /n; stat -c '%F %t:%T' /n"),
            "character special file 1:3\n");
  ASSERT_NE(journal_.Find("n"), nullptr);
  EXPECT_TRUE(S_ISCHR(journal_.Find("n")->mode));
}

TEST_P(NotifySandboxTest, TerminalsCanBeMade) {
  if (UniqueFd host(open("/dev/ptmx", O_RDWR | O_NOCTTY)); !host) {
    GTEST_SKIP() << "nobody can make any here";
  }
  EXPECT_EQ(Shell("exec 3<>/dev/ptmx && ls /dev/ptmx"), "/dev/ptmx\n");
}

TEST_P(NotifySandboxTest, ScriptsAndTheirInterpretersAreFound) {
  root_.dir().Write("s", "#!/bin/sh -e\necho \"$0 $1\"\n");
  chmod(root_.path("s").c_str(), 0755);
  EXPECT_EQ(Shell("/s a; cd /; ./s b"), "/s a\n./s b\n");
}

TEST_P(NotifySandboxTest, ProcShowsTheProgramAndTheRoot) {
  EXPECT_EQ(Shell("readlink /proc/self/exe; readlink /proc/self/root;"
                  "cd /tmp; readlink /proc/self/cwd"),
            "/bin/busybox\n/\n/tmp\n");
}

TEST_P(NotifySandboxTest, MountsAppearAndLeaveNoTrace) {
  ProcessSpec spec = root_.Shell(
      "cat /run/secrets/s; stat -c %a /run/secrets/s; ls /tmp/t;"
      "echo x >/tmp/t/f; (echo y >/ro/f) 2>/dev/null || echo read-only;"
      "cat /ro/file");
  testing::TempDir source;
  source.Write("file", "bound\n");
  Mount secret;
  secret.kind = Mount::Kind::kFile;
  secret.target = "/run/secrets/s";
  secret.content = "secret\n";
  Mount memory;
  memory.kind = Mount::Kind::kTmpfs;
  memory.target = "/tmp/t";
  Mount bind;
  bind.target = "/ro";
  bind.source_path = source.path();
  bind.read_only = true;
  spec.mounts = {secret, memory, bind};
  EXPECT_EQ(Run(spec), "secret\n400\nread-only\nbound\n");
  for (const char* gone : {"run", "tmp/t", "ro", "proc", "dev", "sys"}) {
    EXPECT_NE(access(root_.path(gone).c_str(), F_OK), 0) << gone;
  }
}

TEST_P(NotifySandboxTest, MountsInACacheLeaveItToOthers) {
  testing::TempDir source;
  source.Write("outer/in/own", "own\n");
  source.Write("inner/file", "file\n");
  EXPECT_EQ(symlink("in", source.path("outer/link").c_str()), 0);
  ASSERT_EQ(chmod(source.path("outer/in").c_str(), 0750), 0);
  Mount outer;
  outer.target = "/c";
  outer.source_path = source.path("outer");
  Mount inner;
  inner.target = "/c/in";
  inner.source_path = source.path("inner");
  ProcessSpec spec = root_.Shell(
      "cd /c; cat in/file /c/in/file link/file; ls in; ls link/; "
      "rm -r in 2>/dev/null || echo busy; touch ready; "
      "until [ -e go ]; do sleep 0.05; done; cat in/../in/new; echo z >in/z");
  spec.mounts = {outer, inner};
  // As another step would use it meanwhile.
  struct stat meanwhile {};
  std::jthread other([&](const std::stop_token& stop) {
    while (access(source.path("outer/ready").c_str(), F_OK) != 0 &&
           !stop.stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    stat(source.path("outer/in").c_str(), &meanwhile);
    source.Write("inner/new", "new\n");
    source.Write("outer/go", "");
  });
  EXPECT_EQ(Run(spec), "file\nfile\nfile\nfile\nfile\nbusy\nnew\n");
  other.request_stop();
  other.join();
  EXPECT_EQ(meanwhile.st_mode & 0777, 0750U);
  EXPECT_EQ(source.Read("outer/in/own"), "own\n");
  EXPECT_EQ(source.Read("inner/z"), "z\n");
  EXPECT_NE(access(source.path("outer/in/z").c_str(), F_OK), 0);
}

TEST_P(NotifySandboxTest, NothingIsMadeInWhatIsReadOnly) {
  testing::TempDir source;
  Mount outer;
  outer.target = "/c";
  outer.source_path = source.path();
  outer.read_only = true;
  Mount inner;
  inner.kind = Mount::Kind::kTmpfs;
  inner.target = "/c/in";
  ProcessSpec spec = root_.Shell("true");
  spec.mounts = {outer, inner};
  Result<Ran> ran = Try(spec);
  ASSERT_FALSE(ran);
  EXPECT_THAT(ran.error().message(), ::testing::HasSubstr("Read-only"));
}

TEST_P(NotifySandboxTest, TellsWhatWasTouched) {
  Shell("echo x >/new; mkdir /d; rm /etc/group; cat /etc/passwd >/dev/null");
  ASSERT_TRUE(touched_.has_value());
  EXPECT_EQ(*touched_, (std::set<std::string>{"d", "etc/group", "new"}));
}

TEST_P(NotifySandboxTest, ExitCodesAndSignalsAreTold) {
  Result<Ran> ran = Try(root_.Shell("exit 7"));
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->status.code, 7);
  ran = Try(root_.Shell("kill -9 $$"));
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->status.signal, 9);
}

TEST_P(NotifySandboxTest, AMissingProgramIsNotFound) {
  Result<Ran> ran = Try(root_.Spec({"nothing"}));
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code(), ErrorCode::kNotFound);
}

TEST_P(NotifySandboxTest, NobodyButTheStepOpensItsFifos) {
  // A supervisor that opened one to look would be its reader for a moment.
  EXPECT_EQ(Shell("mknod /f p; for i in $(seq 30); do (cat /f >/got) & "
                  "echo x >/f; wait; cat /got; done | wc -l"),
            "30\n");
}

TEST_P(NotifySandboxTest, NoNetworkIsUnsupported) {
  ProcessSpec spec = root_.Shell("true");
  spec.network = Network::kNone;
  Result<Ran> ran = Try(spec);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code(), ErrorCode::kUnsupported);
}

TEST_P(NotifySandboxTest, WhatIsLeftInTheBackgroundEnds) {
  const auto begin = std::chrono::steady_clock::now();
  Shell("(setsid sleep 100 &) ; sleep 100 & true");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
}

TEST_P(NotifySandboxTest, StoppingEndsAll) {
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    stop.request_stop();
  });
  Result<Ran> ran =
      Try(root_.Shell("(setsid sleep 100 &); sleep 100"), stop.get_token());
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code(), ErrorCode::kCancelled);
}

// Stops until SIGCONT, though it is traced.
TEST_P(NotifySandboxTest, ProcessesStopAndGoOn) {
  EXPECT_EQ(Shell("(while true; do echo x >>/n; done) & p=$!; sleep 0.1;"
                  "kill -STOP $p; sleep 0.2; a=$(wc -l </n); sleep 0.2;"
                  "b=$(wc -l </n); kill -CONT $p; sleep 0.5;"
                  "c=$(wc -l </n); kill -9 $p;"
                  "[ $a = $b ] && echo stopped; [ $c -gt $b ] && echo on"),
            "stopped\non\n");
}

// SIGSTOP may come while the supervisor holds the process.
TEST_P(NotifySandboxTest, NoStopIsLostWhereADirectoryIsEntered) {
  const bool traced = GetParam() != notify::CallTransport::kListener;
  const std::string state = traced ? "[Tt]" : "T";
  EXPECT_EQ(Shell("mkdir /d; (while true; do cd /d; cd /; done) & p=$!;"
                  "for i in $(seq 40); do kill -STOP $p; n=0;"
                  "until grep -q 'State:." +
                  state +
                  "' /proc/$p/status; do "
                  "n=$((n+1)); [ $n -gt 500 ] && echo lost && break; done;"
                  "kill -CONT $p; done; kill -9 $p; echo done"),
            "done\n");
}

TEST_P(NotifySandboxTest, SignalsReachTheirHandlers) {
  EXPECT_EQ(Shell("trap 'echo got' USR1; for i in 1 2 3; do "
                  "kill -USR1 $$; mkdir /d$i; done; ls -d /d?"),
            "got\ngot\ngot\n/d1\n/d2\n/d3\n");
}

std::string NameOfTransport(
    const ::testing::TestParamInfo<notify::CallTransport>& info) {
  switch (info.param) {
    case notify::CallTransport::kListener:
      return "Listener";
    case notify::CallTransport::kTracer:
      return "Tracer";
    case notify::CallTransport::kEagerTracer:
      break;
  }
  return "EagerTracer";
}

INSTANTIATE_TEST_SUITE_P(Transports, NotifySandboxTest,
                         ::testing::Values(notify::CallTransport::kListener,
                                           notify::CallTransport::kTracer,
                                           notify::CallTransport::kEagerTracer),
                         NameOfTransport);

}  // namespace
}  // namespace strake::builder::sandbox
