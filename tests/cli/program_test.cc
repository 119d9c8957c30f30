// The program as its users meet it: words in, streams and exit statuses out.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "oci/digest.h"
#include "tests/support/temp_dir.h"
#include "util/json.h"
#include "util/strings.h"
#include "util/subprocess.h"
#include "util/unique_fd.h"

namespace strake::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kProgram = STRAKE_BINARY_DIR "/strake";

// Runs `script` for /bin/sh, in which "strake" is our program and its store is
// of this test alone.
class ProgramTest : public ::testing::Test {
 protected:
  SubprocessResult Sh(const std::string& script) {
    SubprocessOptions options;
    options.argv = {"/bin/sh", "-c",
                    "program=" + std::string(kProgram) +
                        "\nstrake() { \"$program\" \"$@\"; }\n"
                        "export STRAKE_HOME=" +
                        temp_.path("store") + " HOME=" + temp_.path() +
                        "\nunset SOURCE_DATE_EPOCH DOCKER_CONFIG "
                        "REGISTRY_AUTH_FILE BUILDKIT_PROGRESS\n"
                        "cd " +
                        temp_.path() + "\n" + script};
    auto result = RunSubprocess(options);
    EXPECT_TRUE(result) << script;
    return result ? *result : SubprocessResult{};
  }

  strake::testing::TempDir temp_;
};

TEST_F(ProgramTest, HelpIsAResult) {
  auto help = Sh("strake --help");
  EXPECT_EQ(help.exit_status, 0);
  EXPECT_THAT(help.stdout_text, HasSubstr("strake COMMAND"));
  EXPECT_THAT(help.stderr_text, IsEmpty());
  EXPECT_EQ(Sh("strake help build").stdout_text,
            Sh("strake build --help").stdout_text);
  EXPECT_EQ(Sh("strake image ls --help").stdout_text,
            Sh("strake images -h").stdout_text);
}

TEST_F(ProgramTest, NoLineOfHelpIsWiderThanATerminal) {
  for (const char* command : {"build", "run", "push", "images", "inspect",
                              "login", "registry serve"}) {
    auto help = Sh("strake " + std::string(command) + " --help");
    for (std::string_view line : Split(help.stdout_text, '\n')) {
      EXPECT_LE(line.size(), 80u) << line;
    }
  }
}

TEST_F(ProgramTest, MistakesInUsageAreStatusTwo) {
  struct {
    const char* script;
    const char* message;
  } cases[] = {
      {"strake", "Usage: strake"},
      {"strake biild .", "did you mean build?"},
      {"strake registry", "registry serve"},
      {"strake registry srve", "did you mean registry serve?"},
      {"strake build", "CONTEXT is missing"},
      {"strake build --tagg x .", "did you mean --tag?"},
      {"strake build --progress tty .", "not a terminal"},
      {"strake build -t UPPER .", "--tag \"UPPER\""},
      {"strake build --compress .", "not supported yet"},
      {"strake build a b", "one argument too many"},
      {"strake login", "--password-stdin"},
      {"strake registry serve --listen 0.0.0.0:0", "--allow-remote"},
      {"strake completion csh", "bash, zsh, fish"},
  };
  for (const auto& [script, message] : cases) {
    auto result = Sh(std::string(script) + " </dev/null");
    EXPECT_EQ(result.exit_status, 2) << script;
    EXPECT_THAT(result.stderr_text, HasSubstr(message)) << script;
    EXPECT_THAT(result.stdout_text, IsEmpty()) << script;
  }
}

TEST_F(ProgramTest, AFullOutputIsAFailure) {
  auto result = Sh("strake version >/dev/full");
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.stderr_text, HasSubstr("standard output"));
}

class BuildProgramTest : public ProgramTest {
 protected:
  BuildProgramTest() {
    temp_.Write("context/Dockerfile",
                "FROM scratch\nCOPY file /\nLABEL made=here\n");
    temp_.Write("context/file", "content\n");
  }
};

TEST_F(BuildProgramTest, QuietPrintsTheImageIdAlone) {
  auto result = Sh("strake build -q -t app:1 context");
  EXPECT_EQ(result.exit_status, 0) << result.stderr_text;
  EXPECT_THAT(result.stdout_text, MatchesRegex("sha256:[0-9a-f]+\n"));
  EXPECT_THAT(result.stderr_text, IsEmpty());
}

TEST_F(BuildProgramTest, ProgressGoesToStandardError) {
  auto result = Sh("strake build -t app:1 context");
  EXPECT_EQ(result.exit_status, 0) << result.stderr_text;
  EXPECT_THAT(result.stdout_text, IsEmpty());
  EXPECT_THAT(result.stderr_text, HasSubstr("COPY file /"));
  EXPECT_THAT(result.stderr_text, Not(HasSubstr("\033[")));
}

TEST_F(BuildProgramTest, EveryLineOfRawJsonIsJson) {
  auto result = Sh("strake build --progress=rawjson -t app:1 context");
  EXPECT_EQ(result.exit_status, 0) << result.stderr_text;
  int vertexes = 0;
  for (std::string_view line : Split(result.stderr_text, '\n')) {
    if (line.empty()) continue;
    auto json = ParseJson(line);
    ASSERT_TRUE(json) << line;
    vertexes += json->contains("vertexes") ? 1 : 0;
  }
  EXPECT_GT(vertexes, 0);
}

TEST_F(BuildProgramTest, RawJsonEndsWithTheError) {
  temp_.Write("context/Dockerfile", "FROM scratch\nCOPY missing /\n");
  auto result = Sh("strake build --progress=rawjson context");
  EXPECT_EQ(result.exit_status, 1);
  auto lines = Split(Trim(result.stderr_text), '\n');
  auto json = ParseJson(lines.back());
  ASSERT_TRUE(json) << lines.back();
  EXPECT_THAT((*json)["error"]["message"].get<std::string>(),
              HasSubstr("missing"));
}

TEST_F(BuildProgramTest, WritesIdAndMetadataFiles) {
  auto result =
      Sh("strake build -q --iidfile id --metadata-file meta -t app:1 -t b:2 "
         "context");
  ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
  EXPECT_EQ(temp_.Read("id") + "\n", result.stdout_text);
  auto metadata = ParseJson(temp_.Read("meta")).value();
  EXPECT_EQ(metadata["containerimage.config.digest"], temp_.Read("id"));
  EXPECT_THAT(metadata["image.name"].get<std::string>(), HasSubstr("app:1"));
  auto inspect = Sh("strake inspect --raw app:1");
  EXPECT_EQ(oci::Digest::Of(inspect.stdout_text).ToString(),
            metadata["containerimage.digest"]);
}

TEST_F(BuildProgramTest, AFailureLeavesNoResultFiles) {
  temp_.Write("id", "of an earlier build");
  temp_.Write("context/Dockerfile", "FROM scratch\nCOPY missing /\n");
  auto result = Sh("strake build --iidfile id -o type=oci,dest=o.tar context");
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.stderr_text, HasSubstr("Dockerfile:2"));
  EXPECT_THAT(result.stderr_text, HasSubstr("COPY missing /"));
  EXPECT_FALSE(temp_.Exists("id"));
  EXPECT_FALSE(temp_.Exists("o.tar"));
}

TEST_F(BuildProgramTest, ReadsADockerfileFromStandardInput) {
  auto with_context =
      Sh("printf 'FROM scratch\\nCOPY file /renamed\\n' | "
         "strake build -q -f - -t app:1 context");
  EXPECT_EQ(with_context.exit_status, 0) << with_context.stderr_text;
  auto without =
      Sh("printf 'FROM scratch\\nLABEL a=b\\n' | strake build -q -t app:2 -");
  EXPECT_EQ(without.exit_status, 0) << without.stderr_text;
  auto lacking =
      Sh("printf 'FROM scratch\\nCOPY file /\\n' | strake build -q -");
  EXPECT_EQ(lacking.exit_status, 1);
}

TEST_F(BuildProgramTest, ReadsATarFromStandardInput) {
  auto folder = Sh("strake build -q context");
  for (const char* option : {"", "z"}) {
    auto tar = Sh("tar -C context -c" + std::string(option) +
                  " . | strake build -q -");
    EXPECT_EQ(tar.exit_status, 0) << tar.stderr_text;
    EXPECT_EQ(tar.stdout_text, folder.stdout_text);
  }
}

TEST_F(BuildProgramTest, WritesATarToStandardOutput) {
  auto result = Sh("strake build -o - context | tar -t");
  EXPECT_EQ(result.stdout_text, "file\n");
  EXPECT_EQ(
      Sh("strake build -q -o type=tar context | tar -xO file").stdout_text,
      "content\n");
}

TEST_F(BuildProgramTest, ListsTagsAndRemovesImages) {
  ASSERT_EQ(Sh("strake build -q -t app:1 context").exit_status, 0);
  EXPECT_EQ(Sh("strake tag app:1 other:2").exit_status, 0);
  EXPECT_EQ(Sh("strake images --format '{{.Repository}}:{{.Tag}}'").stdout_text,
            "app:1\nother:2\n");
  EXPECT_EQ(Sh("strake images app --format '{{.Tag}}'").stdout_text, "1\n");
  EXPECT_THAT(Sh("strake images").stdout_text, StartsWith("REPOSITORY"));
  EXPECT_EQ(
      Sh("strake inspect --format '{{index .Config.Labels \"made\"}}' app:1")
          .stdout_text,
      "here\n");
  auto removed = Sh("strake rmi app:1 missing:1");
  EXPECT_EQ(removed.exit_status, 1);
  EXPECT_THAT(removed.stdout_text, HasSubstr("Untagged: app:1\n"));
  EXPECT_THAT(removed.stderr_text, HasSubstr("missing"));
  EXPECT_EQ(Sh("strake rmi -f missing:1").exit_status, 0);
  EXPECT_EQ(Sh("strake rmi other:2").exit_status, 0);
  EXPECT_EQ(Sh("strake images -q").stdout_text, "");
}

TEST_F(BuildProgramTest, PushesAndPullsThroughARegistryOfItsOwn) {
  auto result = Sh(R"sh(
    "$program" registry serve -q --listen 127.0.0.1:0 --root registry >serve.log &
    server=$!
    trap 'kill $server' EXIT
    while ! grep -q http serve.log; do
      kill -0 $server || exit 9
      sleep 0.05
    done
    address=$(sed 's,.*http://,,' serve.log)
    set -e
    strake build -q -t $address/team/app:1 context >id
    pushed=$(strake push -q $address/team/app:1)
    strake rmi $address/team/app:1 >/dev/null
    pulled=$(strake pull -q $address/team/app:1)
    [ "$pushed" = "$pulled" ]
    [ "${pushed#*@}" = "sha256:$(strake inspect --raw $address/team/app:1 |
      sha256sum | cut -d' ' -f1)" ]
    strake inspect --verify --format '{{.Id}}' $address/team/app:1
    cat id
  )sh");
  EXPECT_EQ(result.exit_status, 0) << result.stderr_text;
  auto lines = Split(Trim(result.stdout_text), '\n');
  ASSERT_EQ(lines.size(), 2u) << result.stdout_text;
  EXPECT_EQ(lines[0], lines[1]);
}

TEST_F(BuildProgramTest, LogsInOnlyWithAGoodPassword) {
  if (Sh("command -v htpasswd").exit_status != 0) {
    GTEST_SKIP() << "htpasswd (apache2-utils) is not installed";
  }
  auto result = Sh(R"sh(
    htpasswd -Bbc users ann secret 2>/dev/null
    "$program" registry serve -q --listen 127.0.0.1:0 --root registry \
      --htpasswd users >serve.log &
    server=$!
    trap 'kill $server' EXIT
    while ! grep -q http serve.log; do sleep 0.05; done
    address=$(sed 's,.*http://,,' serve.log)
    echo wrong | strake login -u ann --password-stdin $address
    echo "wrong: $? $(ls .docker 2>/dev/null)"
    echo secret | strake login -u ann --password-stdin $address
    echo "right: $?"
    strake build -q --push -t $address/app:1 context >/dev/null
    echo "push: $?"
    strake logout $address >/dev/null
    strake push -q $address/app:1
    echo "logged out: $?"
  )sh");
  EXPECT_THAT(result.stdout_text, HasSubstr("wrong: 1 \n"));
  EXPECT_THAT(result.stdout_text, HasSubstr("Login Succeeded\nright: 0\n"));
  EXPECT_THAT(result.stdout_text, HasSubstr("push: 0\n"));
  EXPECT_THAT(result.stdout_text, HasSubstr("logged out: 1\n"));
  EXPECT_THAT(result.stderr_text, Not(HasSubstr("secret")));
}

// Starts the program with `words`, waits until `ready`, sends it `signal`, and
// returns its exit status.
template <typename Ready>
int StatusAfterSignal(const std::vector<std::string>& words,
                      const std::string& store, int signal_number,
                      Ready ready) {
  pid_t child = fork();
  if (child == 0) {
    setenv("STRAKE_HOME", store.c_str(), 1);
    std::vector<char*> argv = {const_cast<char*>(kProgram)};
    for (const std::string& word : words) {
      argv.push_back(const_cast<char*>(word.c_str()));
    }
    argv.push_back(nullptr);
    execv(kProgram, argv.data());
    _exit(126);
  }
  for (int i = 0; i < 600 && !ready(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  kill(child, signal_number);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST_F(ProgramTest, ASignalEndsAPullWithItsStatus) {
  for (int signal_number : {SIGINT, SIGTERM}) {
    // A registry that is connected to and never answers.
    UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(bind(listener.get(), generic, length), 0);
    ASSERT_EQ(listen(listener.get(), 8), 0);
    ASSERT_EQ(getsockname(listener.get(), generic, &length), 0);
    std::string name = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    int status =
        StatusAfterSignal({"pull", "-q", name + "/app:1"}, temp_.path("store"),
                          signal_number, [&] {
                            pollfd connected = {listener.get(), POLLIN, 0};
                            return poll(&connected, 1, 0) == 1;
                          });
    EXPECT_EQ(status, 128 + signal_number);
  }
}

TEST_F(ProgramTest, AServerEndsCleanlyWhenAsked) {
  for (int signal_number : {SIGINT, SIGTERM}) {
    std::string root = temp_.path("registry" + std::to_string(signal_number));
    int status = StatusAfterSignal(
        {"registry", "serve", "-q", "--listen", "127.0.0.1:0", "--root", root},
        temp_.path("store"), signal_number,
        [&] { return std::filesystem::exists(root); });
    EXPECT_EQ(status, 0) << signal_number;
  }
}

}  // namespace
}  // namespace strake::cli
