#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tasks/trigger/git_remote.h"
#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"
#include "util/strings.h"
#include "util/subprocess.h"
#include "util/unique_fd.h"

namespace strake::tasks::trigger {
namespace {

using testing::FailsWith;
using testing::IsOk;

const std::string kA(40, 'a');
const std::string kB(40, 'b');
const std::string kC(40, 'c');

TEST(GitRemoteTest, ReadsBranchesAndWhatTagsAreOn) {
  auto refs =
      ParseRemoteRefs("ref: refs/heads/main\tHEAD\n" + kA + "\tHEAD\n" + kA +
                      "\trefs/heads/main\n" + kB + "\trefs/tags/v1\n" + kC +
                      "\trefs/tags/v1^{}\n" + kB + "\trefs/pull/1/head\n");
  ASSERT_TRUE(IsOk(refs));
  EXPECT_EQ(refs->default_branch, "main");
  EXPECT_EQ(refs->commits, (std::map<std::string, std::string>{
                               {"refs/heads/main", kA}, {"refs/tags/v1", kC}}));
}

TEST(GitRemoteTest, RefusesWhatNoGitPrints) {
  for (const std::string& line :
       {std::string("hello"), std::string("main\trefs/heads/main"),
        kA + "\trefs/heads/--all..x", kA + " refs/heads/main"}) {
    EXPECT_TRUE(FailsWith(ParseRemoteRefs(line + "\n"), ErrorCode::kCorrupt))
        << line;
  }
}

TEST(GitRemoteTest, TellsWhatMovedAsAWebhookWould) {
  RemoteRefs before;
  before.commits = {{"refs/heads/main", kA},
                    {"refs/heads/gone", kA},
                    {"refs/heads/same", kA}};
  RemoteRefs now;
  now.commits = {
      {"refs/heads/main", kB}, {"refs/heads/same", kA}, {"refs/tags/v1", kB}};
  auto events = ChangesOf("https://host/a/b.git", before, now);
  ASSERT_TRUE(IsOk(events));
  ASSERT_EQ(events->size(), 2u);
  const WebhookEvent& push = (*events)[0];
  EXPECT_EQ(push.kind, EventKind::kPush);
  EXPECT_EQ(push.branch, "main");
  EXPECT_EQ(push.commit, kB);
  EXPECT_EQ(push.commit_before, kA);
  EXPECT_FALSE(push.changed_paths.has_value());
  EXPECT_EQ(push.repositories, std::vector<std::string>{"host/a/b"});
  EXPECT_EQ((*events)[1].kind, EventKind::kTagPush);
  EXPECT_EQ((*events)[1].tag, "v1");
  auto again = ChangesOf("git@host:a/b", before, now);
  ASSERT_TRUE(IsOk(again));
  EXPECT_EQ((*again)[0].delivery_id, push.delivery_id);
  EXPECT_TRUE(ChangesOf("https://host/a/b.git", now, now)->empty());
}

class GitRemoteFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Git({"init", "--quiet", "--initial-branch=main"})) {
      GTEST_SKIP() << "git is not installed";
    }
    options_.url = "file://" + folder_.path();
    if (const char* path = std::getenv("PATH")) {
      options_.environment = {std::string("PATH=") + path};
    }
  }

  bool Git(std::vector<std::string> arguments) {
    SubprocessOptions git;
    git.argv = {"git", "-c", "user.name=n", "-c", "user.email=e@x"};
    git.argv.insert(git.argv.end(), arguments.begin(), arguments.end());
    git.working_dir = folder_.path();
    auto result = RunSubprocess(git);
    printed_ = result ? std::string(Trim(result->stdout_text)) : "";
    return result && result->exit_status == 0;
  }

  testing::TempDir folder_;
  GitRemoteOptions options_;
  std::string printed_;
};

TEST_F(GitRemoteFolderTest, ListsARealRepository) {
  ASSERT_TRUE(Git({"commit", "--quiet", "--allow-empty", "-m", "one"}));
  ASSERT_TRUE(Git({"tag", "-a", "v1", "-m", "annotated"}));
  ASSERT_TRUE(Git({"rev-parse", "HEAD"}));
  auto refs = ListRemoteRefs(options_, {});
  ASSERT_TRUE(IsOk(refs));
  EXPECT_EQ(refs->default_branch, "main");
  EXPECT_EQ(refs->commits,
            (std::map<std::string, std::string>{{"refs/heads/main", printed_},
                                                {"refs/tags/v1", printed_}}));
}

// Answers one request on a port of its own, and keeps what it read.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : answer_(std::move(answer)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* name = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener_.get(), name, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener_.get(), name, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~OneAnswer() { Join(); }

  int port() const { return port_; }
  // What came, once it has been answered.
  const std::string& Join() {
    // Wakes it where nobody came.
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    return request_;
  }

 private:
  void Serve() {
    UniqueFd connection(::accept(listener_.get(), nullptr, nullptr));
    char buffer[4096];
    while (connection && request_.find("\r\n\r\n") == std::string::npos) {
      ssize_t count = ::read(connection.get(), buffer, sizeof(buffer));
      if (count <= 0) return;
      request_.append(buffer, static_cast<size_t>(count));
    }
    if (!connection) return;
    [[maybe_unused]] ssize_t sent =
        ::write(connection.get(), answer_.data(), answer_.size());
  }

  std::string answer_;
  std::string request_;
  UniqueFd listener_;
  int port_ = 0;
  std::thread thread_;
};

TEST_F(GitRemoteFolderTest, SendsTheTokenToItsHost) {
  OneAnswer server(
      "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n");
  options_.url =
      "http://127.0.0.1:" + std::to_string(server.port()) + "/a/b.git";
  options_.token = "hidden-token";
  auto refs = ListRemoteRefs(options_, {});
  EXPECT_TRUE(FailsWith(refs, ErrorCode::kNotFound, "/a/b"));
  std::string request = server.Join();
  EXPECT_NE(request.find("Authorization: basic " +
                         Base64Encode("x-access-token:hidden-token")),
            std::string::npos)
      << request;
}

TEST_F(GitRemoteFolderTest, AnEmptyRepositoryHasNoRefs) {
  auto refs = ListRemoteRefs(options_, {});
  ASSERT_TRUE(IsOk(refs));
  EXPECT_TRUE(refs->commits.empty());
}

TEST_F(GitRemoteFolderTest, SaysThatThereIsNone) {
  options_.url += "/absent";
  EXPECT_TRUE(FailsWith(ListRemoteRefs(options_, {}), ErrorCode::kNotFound,
                        "git ls-remote of file:"));
}

TEST_F(GitRemoteFolderTest, RunsNoProgramThatAnAddressNames) {
  std::string mark = folder_.path() + "/mark";
  for (const std::string& url :
       {"ext::sh -c touch% " + mark, "--upload-pack=touch " + mark,
        "ssh://-oProxyCommand=touch%20" + mark + "/x"}) {
    options_.url = url;
    EXPECT_FALSE(ListRemoteRefs(options_, {})) << url;
  }
  SubprocessOptions look;
  look.argv = {"test", "-e", mark};
  auto result = RunSubprocess(look);
  ASSERT_TRUE(IsOk(result));
  EXPECT_NE(result->exit_status, 0);
}

TEST_F(GitRemoteFolderTest, ATokenIsInNoMessage) {
  options_.url = "http://127.0.0.1:1/a/b";
  options_.token = "hidden-token";
  auto refs = ListRemoteRefs(options_, {});
  ASSERT_TRUE(FailsWith(refs, ErrorCode::kUnavailable));
  EXPECT_EQ(refs.error().message().find("hidden"), std::string::npos);
}

}  // namespace
}  // namespace strake::tasks::trigger
