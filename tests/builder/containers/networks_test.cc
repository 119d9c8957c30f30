#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "builder/containers.h"
#include "tests/builder/containers/container_store.h"
#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"
#include "util/unique_fd.h"

namespace strake::builder {
namespace {

using testing::FailsWith;

// A folder with `program` alone; empty: it cannot be used here.
class ConnectorFolder {
 public:
  explicit ConnectorFolder(const std::string& program) {
    const std::string path = "/usr/bin/" + program;
    if (access(path.c_str(), X_OK) != 0 ||
        access("/dev/net/tun", R_OK | W_OK) != 0) {
      return;
    }
    EXPECT_EQ(symlink(path.c_str(), dir_.path(program).c_str()), 0);
    path_ = dir_.path();
  }
  const std::string& path() const { return path_; }

 private:
  testing::TempDir dir_;
  std::string path_;
};

// A port that is free on the host, now.
uint16_t FreePort() {
  const UniqueFd made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(made.get(), generic, size), 0);
  EXPECT_EQ(getsockname(made.get(), generic, &size), 0);
  return ntohs(address.sin_port);
}

// What whoever listens on "127.0.0.1:PORT" of the host says first; empty: it
// hung up, or there is nobody.
std::string ReadFrom(const std::string& where) {
  const UniqueFd made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(
      static_cast<uint16_t>(std::stoi(where.substr(where.rfind(':') + 1))));
  if (connect(made.get(), reinterpret_cast<sockaddr*>(&address),
              sizeof(address)) != 0) {
    return "";
  }
  char text[100];
  const ssize_t n = recv(made.get(), text, sizeof(text), 0);
  return n > 0 ? std::string(text, static_cast<size_t>(n)) : "";
}

class NetworksTest : public ::testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_SANDBOX(); }

  std::unique_ptr<Containers> Open(RunNetwork form, std::string path = "") {
    ContainersOptions options = store_.Options();
    options.network = form;
    options.path = std::move(path);
    return ContainerStore::Open(options);
  }

  ContainerStore store_;
};

// A container that greets who connects to `port`, until this goes.
class Greeter {
 public:
  Greeter(Containers& containers, uint16_t port)
      : thread_([&containers, port](const std::stop_token& stop) {
          (void)TryRun(containers,
                       Shell("exec /bin/busybox nc -ll -p " +
                             std::to_string(port) + " -e /bin/echo hello"),
                       stop);
        }) {}

 private:
  std::jthread thread_;
};

// Asks until there is an answer: the server may not have begun to listen.
std::string AskIn(const std::string& name, uint16_t port) {
  return "for i in $(seq 400); do /bin/busybox nc -w 5 " + name + " " +
         std::to_string(port) +
         " < /dev/null 2>/dev/null && exit; sleep 0.02; done";
}

TEST_F(NetworksTest, LetsContainersReachEachOtherByNameInBothForms) {
  for (const RunNetwork form : {RunNetwork::kShared, RunNetwork::kHost}) {
    auto containers = Open(form);
    const uint16_t port = FreePort();
    const Greeter server(*containers, port);
    ContainerSpec client = Shell(AskIn("web", port));
    client.extra_hosts = {{"web", "127.0.0.1"}};
    EXPECT_EQ(OutputOf(*containers, client), "hello\n");
  }
}

TEST_F(NetworksTest, KeepsTheSharedNetworkApartFromTheHost) {
  auto containers = Open(RunNetwork::kShared);
  EXPECT_EQ(
      OutputOf(*containers, Shell("ls /sys/class/net; cat /etc/resolv.conf")),
      "lo\n");
  EXPECT_NE(containers->network_note().find("without a way out"),
            std::string::npos)
      << containers->network_note();
  ContainerSpec spec = Shell("ls /sys/class/net | wc -l");
  spec.network = ContainerSpec::Network::kHost;
  EXPECT_NE(OutputOf(*containers, spec), "1\n");
}

// The same from the host.
std::string Ask(const std::string& where) {
  std::string said;
  for (int i = 0; i < 400 && said.empty(); ++i) {
    said = ReadFrom(where);
    if (said.empty()) usleep(20'000);
  }
  return said;
}

TEST_F(NetworksTest, PublishesAPortOfTheSharedNetwork) {
  auto containers = Open(RunNetwork::kShared);
  const uint16_t port = FreePort();
  const Greeter server(*containers, port);
  auto published = containers->Publish({.container_port = port});
  ASSERT_TRUE(testing::IsOk(published));
  EXPECT_EQ(Ask((*published)->address()), "hello\n");
  // Not by itself.
  EXPECT_EQ(ReadFrom(":" + std::to_string(port)), "");
  const std::string address = (*published)->address();
  published->reset();
  EXPECT_EQ(ReadFrom(address), "");
}

TEST_F(NetworksTest, PublishesUnderAnotherPortOfTheHost) {
  auto containers = Open(RunNetwork::kHost);
  const uint16_t port = FreePort();
  auto same = containers->Publish({.host_port = port, .container_port = port});
  ASSERT_TRUE(testing::IsOk(same));
  EXPECT_EQ((*same)->address(), "127.0.0.1:" + std::to_string(port));
  const Greeter server(*containers, port);
  auto published = containers->Publish({.container_port = port});
  ASSERT_TRUE(testing::IsOk(published));
  EXPECT_EQ(Ask((*published)->address()), "hello\n");
}

TEST_F(NetworksTest, SaysWhichPortIsTaken) {
  auto containers = Open(RunNetwork::kShared);
  auto first = containers->Publish({.container_port = 80});
  ASSERT_TRUE(testing::IsOk(first));
  const std::string address = (*first)->address();
  const auto port =
      static_cast<uint16_t>(std::stoi(address.substr(address.find(':') + 1)));
  EXPECT_TRUE(
      FailsWith(containers->Publish({.host_port = port, .container_port = 80}),
                ErrorCode::kUnavailable, address));
  EXPECT_TRUE(FailsWith(containers->Publish({.host_address = "no.address"}),
                        ErrorCode::kInvalidArgument, "no.address"));
}

TEST_F(NetworksTest, TakesTheHostsNetworkWhereNothingConnects) {
  auto containers = Open(RunNetwork::kAuto, "/nowhere");
  const std::string note = containers->network_note();
  EXPECT_NE(note.find("the host's"), std::string::npos) << note;
  EXPECT_NE(note.find("slirp4netns: not installed"), std::string::npos) << note;
}

TEST_F(NetworksTest, RefusesASharedNetworkWithoutNamespaces) {
  ContainersOptions options = store_.Options();
  options.isolation = "notify";
  options.network = RunNetwork::kShared;
  EXPECT_TRUE(FailsWith(Containers::Open(options), ErrorCode::kUnsupported,
                        "isolation notify"));
  options.network = RunNetwork::kAuto;
  auto containers = ContainerStore::Open(options);
  EXPECT_NE(containers->network_note().find("isolation notify"),
            std::string::npos)
      << containers->network_note();
}

// The children of `process`.
std::vector<pid_t> ChildrenOf(pid_t process) {
  std::vector<pid_t> children;
  const std::string tasks = "/proc/" + std::to_string(process) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    std::ifstream list(task.path() / "children");
    for (pid_t child = 0; list >> child;) children.push_back(child);
  }
  return children;
}

// The program that connects what `process` has opened.
pid_t ConnectorOf(pid_t process) {
  const std::vector<pid_t> guards = ChildrenOf(process);
  if (guards.size() != 1) return -1;
  const std::vector<pid_t> programs = ChildrenOf(guards.front());
  return programs.size() == 1 ? programs.front() : -1;
}

bool EndsSoon(int pidfd) {
  pollfd polled = {.fd = pidfd, .events = POLLIN, .revents = 0};
  return poll(&polled, 1, 10'000) == 1;
}

int OpenPidfd(pid_t process) {
  return static_cast<int>(syscall(SYS_pidfd_open, process, 0));
}

class ConnectorTest : public NetworksTest,
                      public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    NetworksTest::SetUp();
    if (folder_.path().empty()) {
      GTEST_SKIP() << "needs " << GetParam() << " and /dev/net/tun";
    }
  }

  const ConnectorFolder folder_{GetParam()};
};

TEST_P(ConnectorTest, ConnectsTheSharedNetworkToTheOutside) {
  auto containers = Open(RunNetwork::kAuto, folder_.path());
  EXPECT_NE(containers->network_note().find(std::string("connected by ") +
                                            GetParam()),
            std::string::npos)
      << containers->network_note();
  const std::string seen = OutputOf(
      *containers, Shell("/bin/busybox ip route; cat /etc/resolv.conf"));
  EXPECT_NE(seen.find("default via "), std::string::npos) << seen;
  EXPECT_TRUE(seen.find("nameserver 10.0.2.3\n") != std::string::npos ||
              seen.find("nameserver 169.254.1.1\n") != std::string::npos)
      << seen;
  const UniqueFd connector(OpenPidfd(ConnectorOf(getpid())));
  ASSERT_TRUE(connector);
  containers.reset();
  EXPECT_TRUE(EndsSoon(connector.get()));
  EXPECT_TRUE(ChildrenOf(getpid()).empty());
}

TEST_P(ConnectorTest, LeavesNothingBehindWhenKilled) {
  auto ready = MakePipe();
  ASSERT_TRUE(ready);
  const pid_t strake = fork();
  ASSERT_GE(strake, 0);
  if (strake == 0) {
    auto containers = Open(RunNetwork::kAuto, folder_.path());
    ContainerSpec spec = Shell("sleep 1000");
    spec.on_started = [&] { (void)!write(ready->write_end.get(), "", 1); };
    if (containers) (void)containers->Run(spec, {});
    _exit(1);
  }
  ready->write_end.reset();
  char byte = 0;
  ASSERT_EQ(read(ready->read_end.get(), &byte, 1), 1);
  std::vector<UniqueFd> all;
  for (const pid_t child : ChildrenOf(strake)) {
    for (const pid_t below : ChildrenOf(child)) {
      all.emplace_back(OpenPidfd(below));
    }
    all.emplace_back(OpenPidfd(child));
  }
  EXPECT_EQ(all.size(), 4U);  // guard, connector, init, sleep
  kill(strake, SIGKILL);
  waitpid(strake, nullptr, 0);
  for (const UniqueFd& process : all) EXPECT_TRUE(EndsSoon(process.get()));
}

INSTANTIATE_TEST_SUITE_P(Programs, ConnectorTest,
                         ::testing::Values("slirp4netns", "pasta"),
                         [](const auto& test) {
                           return std::string(test.param);
                         });

}  // namespace
}  // namespace strake::builder
