#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "builder/containers.h"
#include "tests/builder/containers/container_store.h"
#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"

namespace strake::builder {
namespace {

using testing::FailsWith;
using testing::TempDir;

ContainerSpec Tools(std::string script) {
  ContainerSpec spec;
  spec.host_tools = true;
  spec.args = {"/bin/sh", "-c", std::move(script)};
  return spec;
}

class HostToolsTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { SKIP_WITHOUT_SANDBOX(); }

  std::unique_ptr<Containers> Open() {
    ContainersOptions options = store_.Options();
    options.isolation = GetParam();
    return ContainerStore::Open(options);
  }

  ContainerStore store_;
};

TEST_P(HostToolsTest, RunsProgramsOfThisMachine) {
  auto containers = Open();
  EXPECT_EQ(OutputOf(*containers, Tools("echo a b | awk '{print $2}'; id -un;"
                                        "echo $HOME; pwd")),
            "b\nroot\n/root\n/\n");
}

TEST_P(HostToolsTest, ShowsNothingElseOfThisMachine) {
  auto containers = Open();
  EXPECT_EQ(
      OutputOf(*containers, Tools("ls -A /root /tmp /home /srv /boot 2>&1;"
                                  "ls -d /var/*; cat /etc/shadow 2>&1;"
                                  "ls /etc/ssl/private 2>&1; true")),
      "ls: cannot access '/home': No such file or directory\n"
      "ls: cannot access '/srv': No such file or directory\n"
      "ls: cannot access '/boot': No such file or directory\n"
      "/root:\n\n/tmp:\n"
      "/var/tmp\n"
      "cat: /etc/shadow: No such file or directory\n"
      "ls: cannot access '/etc/ssl/private': No such file or directory\n");
}

TEST_P(HostToolsTest, LeavesTheMachineAsItWas) {
  auto containers = Open();
  const std::string seen =
      OutputOf(*containers,
               Tools("for f in /usr/bin/x /usr/share/x /etc/ssl/certs/x; do "
                     "echo > $f && echo written; done 2>/dev/null; echo done"));
  EXPECT_EQ(seen, "done\n");
}

TEST_P(HostToolsTest, MountsInsideOfTheMachinesFolders) {
  auto containers = Open();
  TempDir folder;
  folder.Write("docker", "#!/bin/sh\necho ours: \"$@\"\n");
  chmod(folder.path("docker").c_str(), 0755);
  chmod(folder.path().c_str(), 0755);
  folder.MakeDir("workspace");
  ContainerSpec spec =
      Tools("docker run; echo x > made; ls /usr/local | wc -l");
  spec.working_dir = "/workspace";
  spec.binds = {{folder.path("docker"), "/usr/local/bin/docker", true},
                {folder.path("workspace"), "/workspace", false}};
  const auto there =
      std::distance(std::filesystem::directory_iterator("/usr/local"), {});
  EXPECT_EQ(OutputOf(*containers, spec),
            "ours: run\n" + std::to_string(there) + "\n");
  EXPECT_EQ(folder.Read("workspace/made"), "x\n");
  EXPECT_FALSE(std::filesystem::exists("/workspace"));
}

INSTANTIATE_TEST_SUITE_P(Isolations, HostToolsTest,
                         ::testing::Values("overlay-root", "notify", "trace"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(HostToolsInChrootTest, CannotBeShown) {
  SKIP_WITHOUT_SANDBOX();
  const ContainerStore store;
  ContainersOptions options = store.Options();
  options.isolation = "chroot";
  auto containers = ContainerStore::Open(options);
  EXPECT_TRUE(FailsWith(TryRun(*containers, Tools("true")),
                        ErrorCode::kUnsupported, "can only copy"));
}

}  // namespace
}  // namespace strake::builder
