// The program is the child of a guard, which is the first process of a pid
// namespace: when the guard ends, the kernel ends the program and whatever it
// has started. The guard ends with our end of a pipe, however we go. (A
// parent-death signal would not do: it is tied to the thread that forks, and
// forgotten where a program changes who it is.)

#include "builder/sandbox/outside_network.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "builder/sandbox/child_program.h"
#include "builder/sandbox/memory_file.h"
#include "builder/sandbox/route_watch.h"
#include "util/byte_stream.h"
#include "util/descriptor_limit.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::sandbox {

struct OutsideNetwork::Connector {
  const char* name = nullptr;
  const char* nameserver = nullptr;
  std::vector<std::string> arguments;
};

namespace {

constexpr std::chrono::milliseconds kPatience{5000};
constexpr int kNetworkFd = 3;  // in the program

std::string FindProgram(std::string_view path, std::string_view name) {
  for (std::string_view folder : Split(path, ':')) {
    if (folder.empty()) continue;
    std::string program = std::string(folder) + "/" + std::string(name);
    if (access(program.c_str(), X_OK) == 0) return program;
  }
  return "";
}

// What the guard needs, made before it; under the rules of `child.h`.
struct GuardPlan {
  const char* program = nullptr;
  char* const* argv = nullptr;
  char* const* envp = nullptr;
  int network = -1;
  int alive = -1;  // the guard's end of the pipe
  int null_device = -1;
  int log = -1;
};

[[noreturn]] void BecomeProgram(const GuardPlan& plan) {
  // First out of the way: one may be where another belongs.
  const int sources[] = {plan.null_device, plan.log, plan.log, plan.network};
  int high[4];
  for (int i = 0; i < 4; ++i) {
    high[i] = fcntl(sources[i], F_DUPFD_CLOEXEC, 16);
  }
  for (int i = 0; i < 4; ++i) {
    if (dup2(high[i], i) != i) _exit(127);
  }
  const int keep[] = {0, 1, 2, kNetworkFd};
  CloseAllBut(keep, 4);
  RestoreDescriptorLimit();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(plan.program, plan.argv, plan.envp);
  _exit(127);
}

// REQUIRES: all signals are blocked.
[[noreturn]] void Guard(const GuardPlan& plan) {
  setsid();
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGCHLD);
  const int children = signalfd(-1, &wanted, SFD_CLOEXEC);
  if (children < 0) _exit(127);
  const pid_t program = RawFork();
  if (program < 0) _exit(127);
  if (program == 0) BecomeProgram(plan);
  const int keep[] = {std::min(plan.alive, children),
                      std::max(plan.alive, children)};
  CloseAllBut(keep, 2);
  pollfd polled[] = {{.fd = plan.alive, .events = POLLIN, .revents = 0},
                     {.fd = children, .events = POLLIN, .revents = 0}};
  while (true) {
    if (poll(polled, 2, -1) < 0 && errno != EINTR) _exit(127);
    if (polled[0].revents != 0) _exit(0);
    if (polled[1].revents == 0) continue;
    signalfd_siginfo info;
    (void)!read(children, &info, sizeof(info));
    pid_t ended = 0;
    while ((ended = wait4(-1, nullptr, __WALL | WNOHANG, nullptr)) > 0) {
      if (ended == program) _exit(0);
    }
  }
}

struct StartedGuard {
  pid_t pid = -1;
  UniqueFd pidfd;
};

Result<StartedGuard> StartGuard(const GuardPlan& plan) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int pidfd = -1;
  const long pid = syscall(SYS_clone, CLONE_NEWPID | CLONE_PIDFD, nullptr,
                           &pidfd, nullptr, nullptr);
  const int error = errno;
  if (pid == 0) Guard(plan);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return ErrnoError("clone(CLONE_NEWPID)", error);
  return StartedGuard{static_cast<pid_t>(pid), UniqueFd(pidfd)};
}

// All of them need it, and say little of it.
Status CheckTun() {
  const Result<UniqueFd> tun = OpenFile("/dev/net/tun", O_RDWR);
  if (tun) return {};
  return Unsupported(tun.error().message() +
                     ", which slirp4netns and pasta need");
}

// The last line that the program wrote.
std::string LastWords(int log) {
  if (lseek(log, 0, SEEK_SET) != 0) return "";
  FdSource source(log);
  constexpr uint64_t kLimit = 65536;
  const std::string text = ReadAll(source, kLimit).value_or(std::string());
  const std::string_view trimmed = Trim(text);
  return std::string(trimmed.substr(trimmed.rfind('\n') + 1));
}

}  // namespace

const std::vector<OutsideNetwork::Connector>& OutsideNetwork::Connectors() {
  static const std::vector<Connector> connectors = {
      {"slirp4netns",
       "10.0.2.3",
       {"--netns-type=path", "--configure", "--mtu=65520",
        "--disable-host-loopback", "/proc/self/fd/3", "tap0"}},
      // As another user than the one who made the namespace it could not enter.
      {"pasta",
       "169.254.1.1",
       {"--foreground", "--quiet", "--runas", "0", "--config-net",
        "--no-map-gw", "--dns-forward", "169.254.1.1", "--tcp-ports", "none",
        "--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none",
        "--netns", "/proc/self/fd/3"}}};
  return connectors;
}

OutsideNetwork::OutsideNetwork(OutsideNetwork&& other) noexcept {
  *this = std::move(other);
}

OutsideNetwork& OutsideNetwork::operator=(OutsideNetwork&& other) noexcept {
  if (this == &other) return *this;
  End();
  program_ = std::move(other.program_);
  nameserver_ = std::move(other.nameserver_);
  guard_ = std::exchange(other.guard_, -1);
  pidfd_ = std::move(other.pidfd_);
  alive_ = std::move(other.alive_);
  return *this;
}

void OutsideNetwork::End() {
  if (guard_ < 0) return;
  syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
  while (waitpid(guard_, nullptr, __WALL) < 0 && errno == EINTR) {
  }
  guard_ = -1;
}

Result<OutsideNetwork> OutsideNetwork::Start(const std::string& program,
                                             const Connector& connector,
                                             int network) {
  std::vector<std::string> words = {connector.name};
  words.insert(words.end(), connector.arguments.begin(),
               connector.arguments.end());
  const std::vector<char*> argv = CStrings(words);
  const std::vector<char*> envp = CStrings({});
  ASSIGN_OR_RETURN(Pipe alive, MakePipe());
  ASSIGN_OR_RETURN(const UniqueFd log, MakeMemoryFile("strake-network"));
  ASSIGN_OR_RETURN(const UniqueFd null_device, OpenFile("/dev/null", O_RDONLY));
  ASSIGN_OR_RETURN(RouteWatch routes, RouteWatch::Start(network));
  ASSIGN_OR_RETURN(
      StartedGuard guard,
      StartGuard({program.c_str(), argv.data(), envp.data(), network,
                  alive.read_end.get(), null_device.get(), log.get()}));
  OutsideNetwork outside;
  outside.program_ = connector.name;
  outside.nameserver_ = connector.nameserver;
  outside.guard_ = guard.pid;
  outside.pidfd_ = std::move(guard.pidfd);
  outside.alive_ = std::move(alive.write_end);
  ASSIGN_OR_RETURN(const bool connected,
                   routes.WaitForDefault(outside.pidfd_.get(), kPatience));
  if (connected) return outside;
  const std::string said = LastWords(log.get());
  return Unsupported(said.empty() ? "it made no route" : said);
}

Result<OutsideNetwork> OutsideNetwork::Connect(int network,
                                               std::string_view path) {
  std::string tried;
  for (const Connector& connector : Connectors()) {
    if (!tried.empty()) tried += "; ";
    tried += std::string(connector.name) + ": ";
    const std::string program = FindProgram(path, connector.name);
    if (program.empty()) {
      tried += "not installed";
      continue;
    }
    RETURN_IF_ERROR(CheckTun());
    auto started = Start(program, connector, network);
    if (started) return started;
    tried += started.error().message();
  }
  return Unsupported(tried);
}

}  // namespace strake::builder::sandbox
