#include "tests/support/postgres_server.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include "tests/support/run_tool.h"
#include "util/strings.h"

namespace strake::testing {
namespace {

constexpr std::chrono::seconds kStartLimit{60};

// The folder of Debian's programs, "/usr/lib/postgresql/15/bin", or "".
std::string Programs() {
  std::error_code error;
  for (const auto& version :
       std::filesystem::directory_iterator("/usr/lib/postgresql", error)) {
    std::filesystem::path bin = version.path() / "bin";
    if (std::filesystem::exists(bin / "initdb", error)) return bin.string();
  }
  return "";
}

// What becomes another user; nothing where we are not root.
std::vector<std::string> AsPostgres() {
  if (::geteuid() != 0) return {"setpriv", "--pdeathsig", "QUIT"};
  return {"setpriv",  "--reuid",       "postgres",    "--regid",
          "postgres", "--init-groups", "--pdeathsig", "QUIT"};
}

}  // namespace

bool HavePostgres() { return !Programs().empty() && HaveTool("setpriv"); }

PostgresServer::PostgresServer() { Start(); }

void PostgresServer::Start() {
  if (::geteuid() == 0) {
    const passwd* user = ::getpwnam("postgres");
    ASSERT_NE(user, nullptr) << "no user postgres";
    ASSERT_EQ(::chown(directory_.path().c_str(), user->pw_uid, user->pw_gid),
              0);
  }
  std::vector<std::string> prefix = AsPostgres();
  const std::string data = directory_.path("data");
  const std::string log = directory_.path("log");
  Sh("cd / && " + Join(prefix, " ") + " " + Programs() +
     "/initdb --no-sync --encoding=UTF8 --locale=C --auth=trust -U postgres "
     "-D " +
     data);

  std::vector<std::string> words = prefix;
  for (const std::string& word :
       {Programs() + "/postgres", std::string("-D"), data, std::string("-k"),
        directory_.path(), std::string("-c"), std::string("listen_addresses="),
        std::string("-c"), std::string("fsync=off"), std::string("-c"),
        std::string("max_connections=40")}) {
    words.push_back(word);
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&actions, fd, log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0644);
  }
  std::vector<char*> argv = CStrings(words);
  int error =
      ::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    pid_ = -1;
    FAIL() << "cannot run postgres";
  }
  auto deadline = std::chrono::steady_clock::now() + kStartLimit;
  SubprocessOptions ready;
  ready.argv = {Programs() + "/pg_isready", "-q", "-h", directory_.path()};
  for (;;) {
    auto answer = RunSubprocess(ready);
    if (answer && answer->exit_status == 0) return;
    ASSERT_LT(std::chrono::steady_clock::now(), deadline)
        << "postgres does not start:\n"
        << directory_.Read("log");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

PostgresServer::~PostgresServer() {
  if (pid_ < 0) return;
  // Ends connections that are left.
  ::kill(pid_, SIGINT);
  int status;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

std::string PostgresServer::Url(const std::string& database) const {
  return "postgresql://postgres@/" + database + "?host=" + directory_.path();
}

std::string PostgresServer::NewDatabase(const std::string& name) {
  Sh(Programs() + "/createdb -h " + directory_.path() + " -U postgres " + name);
  return Url(name);
}

std::string PostgresServer::Dump(const std::string& name) const {
  return Sh(Programs() + "/pg_dump -h " + directory_.path() + " -U postgres " +
            name);
}

}  // namespace strake::testing
