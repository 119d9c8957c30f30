#include "builder/containers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/builder/containers/container_store.h"
#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"
#include "tests/support/without_capabilities.h"

namespace strake::builder {
namespace {

using testing::FailsWith;
using testing::TempDir;

class ContainersTest : public ::testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_SANDBOX(); }

  ContainerStore store_;
};

TEST_F(ContainersTest, RunsAProgramAndTellsHowItEnded) {
  auto containers = store_.Open();
  Result<Ended> ended =
      TryRun(*containers, Shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(testing::IsOk(ended));
  EXPECT_EQ(ended->out, "out\n");
  EXPECT_EQ(ended->err, "err\n");
  EXPECT_EQ(ended->end.code, 3);
  ended = TryRun(*containers, Shell("kill -9 $$"));
  ASSERT_TRUE(testing::IsOk(ended));
  EXPECT_EQ(ended->end.signal, 9);
  EXPECT_EQ(ended->end.ShellCode(), 137);
}

TEST_F(ContainersTest, SaysWhenTheProgramIsStarted) {
  auto containers = store_.Open();
  std::string seen;
  ContainerSpec spec = Shell("sleep 0.2; echo x");
  spec.on_started = [&] { seen += "started "; };
  spec.on_output = [&](int, std::string_view) { seen += "output "; };
  ASSERT_TRUE(testing::IsOk(containers->Run(spec, {})));
  EXPECT_EQ(seen, "started output ");
}

TEST_F(ContainersTest, DoesNotSayStartedOfAProgramThatIsMissing) {
  auto containers = store_.Open();
  int started = 0;
  ContainerSpec spec = Shell("");
  spec.args = {"/no/such/program"};
  spec.on_started = [&] { ++started; };
  auto end = containers->Run(spec, {});
  ASSERT_TRUE(end) << end.error().message();
  EXPECT_EQ(end->code, 127);
  EXPECT_NE(end->not_executed.find("/no/such/program"), std::string::npos);
  EXPECT_EQ(started, 0);
}

TEST_F(ContainersTest, StartsManyOfAnImageAtOnce) {
  auto containers = store_.Open();
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        const std::string text = std::to_string(i) + "\n";
        auto ended = TryRun(*containers, Shell("echo " + std::to_string(i) +
                                               " > /mine; cat /mine"));
        if (ended && ended->out == text) ++good;
      });
    }
  }
  EXPECT_EQ(good, 8);
}

TEST_F(ContainersTest, SeesANameThatWasGivenToAnotherImage) {
  auto containers = store_.Open();
  EXPECT_EQ(OutputOf(*containers, Shell("cat /version")), "first\n");
  store_.Tag("busybox", "second");
  EXPECT_EQ(OutputOf(*containers, Shell("cat /version")), "second\n");
}

TEST_F(ContainersTest, FindsAnImageByItsId) {
  auto containers = store_.Open();
  auto image = containers->Image("busybox", PullPolicy::kNever, {}, {});
  ASSERT_TRUE(testing::IsOk(image));
  ContainerSpec spec = Shell("cat /version");
  spec.image = image->manifest.digest.Hex().substr(0, 12);
  EXPECT_EQ(OutputOf(*containers, spec), "first\n");
}

TEST_F(ContainersTest, AsksNoRegistryWhereItMustNot) {
  auto containers = store_.Open();
  ContainerSpec spec = Shell("true");
  spec.image = "127.0.0.1:1/no/such:1";
  EXPECT_TRUE(FailsWith(TryRun(*containers, spec), ErrorCode::kNotFound,
                        "127.0.0.1:1/no/such:1"));
}

TEST_F(ContainersTest, RefusesAnImageOfAnotherPlatform) {
  auto containers = store_.Open();
  ContainerSpec spec = Shell("true");
  spec.platform = *oci::ParsePlatform("linux/s390x");
  EXPECT_TRUE(FailsWith(TryRun(*containers, spec), ErrorCode::kNotFound,
                        "linux/amd64, not for linux/s390x"));
}

TEST_F(ContainersTest, ThrowsAwayWhatWasWritten) {
  auto containers = store_.Open();
  OutputOf(*containers, Shell("echo x > /left; rm /version"));
  EXPECT_EQ(OutputOf(*containers, Shell("ls /left /version 2>&1 || true")),
            "ls: /left: No such file or directory\n/version\n");
}

TEST_F(ContainersTest, TakesVariablesFoldersAndSecrets) {
  auto containers = store_.Open();
  TempDir folder;
  folder.Write("shared/in", "from the host\n");
  ContainerSpec spec = Shell(
      "pwd; cat /data/in; echo $WORD; echo out > /data/made;"
      "cat /run/key; stat -c %a:%u /run/key; stat -f -c %T /scratch");
  spec.env = {"WORD=of the caller"};
  spec.user = "1000";
  spec.working_dir = "/data/new/folder";
  spec.binds = {{folder.path("shared"), "/data", false}};
  spec.files = {{"/run/key", "secret\n", 0440}};
  spec.tmpfs = {{"/scratch", 1 << 20}};
  chmod(folder.path("shared").c_str(), 0777);
  chmod(folder.path().c_str(), 0755);
  EXPECT_EQ(OutputOf(*containers, spec),
            "/data/new/folder\nfrom the host\nof the caller\nsecret\n"
            "440:1000\ntmpfs\n");
  EXPECT_EQ(folder.Read("shared/made"), "out\n");
  EXPECT_TRUE(std::filesystem::is_directory(folder.path("shared/new/folder")));
}

TEST_F(ContainersTest, MountsWhatIsInsideOfAnotherMountAfterIt) {
  auto containers = store_.Open();
  TempDir outer;
  TempDir inner;
  inner.Write("file", "inner\n");
  ContainerSpec spec = Shell("cat /outer/inner/file");
  spec.binds = {{inner.path(), "/outer/inner", true},
                {outer.path(), "/outer", false}};
  EXPECT_EQ(OutputOf(*containers, spec), "inner\n");
}

TEST_F(ContainersTest, GivesAPrivilegedContainerAllCapabilities) {
  auto containers = store_.Open();
  const std::string script =
      "mount -t tmpfs none /tmp 2>/dev/null && echo mounted || echo refused";
  EXPECT_EQ(OutputOf(*containers, Shell(script)), "refused\n");
  ContainerSpec spec = Shell(script);
  spec.privileged = true;
  EXPECT_EQ(OutputOf(*containers, spec), "mounted\n");
}

TEST_F(ContainersTest, SaysWhereNothingCanBePrivileged) {
  ContainersOptions options = store_.Options();
  options.isolation = "chroot";
  auto containers = store_.Open(options);
  ContainerSpec spec = Shell("true");
  spec.privileged = true;
  EXPECT_TRUE(FailsWith(TryRun(*containers, spec), ErrorCode::kUnsupported,
                        "isolation chroot has no capabilities to give"));
}

TEST_F(ContainersTest, HasNoNetworkWhereNoneIsWanted) {
  auto containers = store_.Open();
  ContainerSpec spec = Shell("ls /sys/class/net");
  spec.network = ContainerSpec::Network::kNone;
  EXPECT_EQ(OutputOf(*containers, spec), "lo\n");
}

TEST_F(ContainersTest, KillsWhatRunsWhenStopped) {
  auto containers = store_.Open();
  std::stop_source source;
  ContainerSpec spec = Shell("sleep 1000 & sleep 1000");
  spec.on_started = [&] { source.request_stop(); };
  EXPECT_TRUE(FailsWith(containers->Run(spec, source.get_token()),
                        ErrorCode::kCancelled));
}

TEST_F(ContainersTest, RunsInEveryIsolationThatWorksHere) {
  for (const char* isolation : {"overlay-root", "notify", "trace", "chroot"}) {
    SCOPED_TRACE(isolation);
    ContainersOptions options = store_.Options();
    options.isolation = isolation;
    auto containers = store_.Open(options);
    int started = 0;
    ContainerSpec spec = Shell("echo here");
    spec.on_started = [&] { ++started; };
    EXPECT_EQ(OutputOf(*containers, spec), "here\n");
    EXPECT_EQ(started, 1);
    for (const auto& [program, code] :
         {std::pair("/no/such/program", 127), std::pair("/etc", 126)}) {
      spec.args = {program};
      auto end = containers->Run(spec, {});
      ASSERT_TRUE(end) << end.error().message();
      EXPECT_EQ(end->code, code);
      EXPECT_NE(end->not_executed.find(program), std::string::npos);
    }
    EXPECT_EQ(started, 1);
  }
}

}  // namespace
}  // namespace strake::builder
