// `strake login` and `strake logout`.

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/shared_options.h"
#include "registry/client.h"
#include "registry/credentials.h"
#include "registry/endpoint.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

constexpr uint64_t kMaxPasswordBytes = uint64_t{1} << 20;
constexpr std::string_view kDockerHub = "docker.io";

// Switches the terminal's echo off for as long as it lives.
class NoEcho {
 public:
  NoEcho() {
    changed_ = tcgetattr(STDIN_FILENO, &before_) == 0;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = changed_ && tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  ~NoEcho() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

 private:
  termios before_ = {};
  bool changed_ = false;
};

// One line from the terminal. Looks up now and then: a signal does not end a
// `read`.
Result<std::string> Ask(const std::string& question, std::stop_token stop) {
  constexpr int kPauseMilliseconds = 100;
  PrintError(question);
  std::string line;
  char c = 0;
  while (true) {
    if (stop.stop_requested()) return Cancelled("interrupted");
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, kPauseMilliseconds) <= 0) continue;
    ssize_t count = read(STDIN_FILENO, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoError("standard input");
    if (count == 0 || c == '\n') return line;
    line += c;
  }
}

Result<std::string> PasswordFromStdin() {
  FdSource source(STDIN_FILENO);
  auto text = ReadAll(source, kMaxPasswordBytes);
  if (!text) return std::move(text).error().Wrap("password on standard input");
  // The line's end is not part of it; blanks may be.
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  return text;
}

class LoginCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"[REGISTRY]", 0, 1});
    options.Value("-u,--username", username_, {"NAME"}, "User name");
    options.Value("-p,--password", password_, {"PASSWORD"},
                  "Password; other users can see it in the process list, so "
                  "rather use --password-stdin");
    options.Flag("--password-stdin", password_stdin_,
                 "Read the password from standard input");
    DeclareRegistry(options, registry_flags_);
  }
  Status Resolve(const Environment& environment,
                 std::vector<std::string> arguments) override;
  Result<int> Run(Session& session) override;

 private:
  Status AskForMissing(std::stop_token stop);

  std::string registry_;
  std::string username_;
  std::optional<std::string> password_;
  bool password_stdin_ = false;
  RegistryFlags registry_flags_;
};

Status LoginCommand::Resolve(const Environment& environment,
                             std::vector<std::string> arguments) {
  registry_ = registry::CanonicalRegistry(
      arguments.empty() ? std::string(kDockerHub) : arguments[0]);
  if (password_ && password_stdin_) {
    return InvalidArgument(
        "--password and --password-stdin exclude each other");
  }
  if (password_stdin_ && username_.empty()) {
    return InvalidArgument("--password-stdin needs --username");
  }
  bool complete = !username_.empty() && (password_ || password_stdin_);
  if (!complete && !environment.stdin_is_terminal) {
    return InvalidArgument(
        "standard input is not a terminal to ask for name and password: give "
        "--username and --password-stdin");
  }
  return {};
}

Status LoginCommand::AskForMissing(std::stop_token stop) {
  if (username_.empty()) {
    ASSIGN_OR_RETURN(username_, Ask("Username: ", stop));
    if (username_.empty()) return InvalidArgument("a user name is needed");
  }
  if (password_stdin_) {
    ASSIGN_OR_RETURN(password_, PasswordFromStdin());
  } else if (!password_) {
    NoEcho no_echo;
    ASSIGN_OR_RETURN(password_, Ask("Password: ", stop));
    PrintError("\n");
  }
  if (password_->empty()) return InvalidArgument("the password is empty");
  return {};
}

Result<int> LoginCommand::Run(Session& session) {
  ASSIGN_OR_RETURN(std::string path, DockerConfigPath(session.environment));
  ASSIGN_OR_RETURN(auto options,
                   RegistryOptions(session.environment, registry_flags_));
  RETURN_IF_ERROR(AskForMissing(session.interrupt.token()));
  registry::Credential credential;
  credential.username = username_;
  credential.password = *password_;
  registry::Client client(std::move(options));
  RETURN_IF_ERROR(
      client.CheckLogin(registry_, credential, session.interrupt.token()));
  ASSIGN_OR_RETURN(registry::LoginStorage storage,
                   registry::StoreLogin(path, registry_, credential));
  std::string where = storage == registry::LoginStorage::kHelper
                          ? "the credential helper named in " + path
                          : path + " (not encrypted)";
  PrintError("The login is kept in " + where + ".\n");
  RETURN_IF_ERROR(PrintOut("Login Succeeded\n"));
  return kExitOk;
}

class LogoutCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"[REGISTRY]", 0, 1});
  }
  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    registry_ = registry::CanonicalRegistry(
        arguments.empty() ? std::string(kDockerHub) : arguments[0]);
    return {};
  }
  Result<int> Run(Session& session) override {
    ASSIGN_OR_RETURN(std::string path, DockerConfigPath(session.environment));
    ASSIGN_OR_RETURN(bool erased, registry::EraseLogin(path, registry_));
    RETURN_IF_ERROR(PrintOut(erased ? "Removed the login to " + registry_ + "\n"
                                    : "Not logged in to " + registry_ + "\n"));
    return kExitOk;
  }

 private:
  std::string registry_;
};

}  // namespace

std::unique_ptr<Command> MakeLoginCommand() {
  return std::make_unique<LoginCommand>();
}

std::unique_ptr<Command> MakeLogoutCommand() {
  return std::make_unique<LogoutCommand>();
}

}  // namespace strake::cli
