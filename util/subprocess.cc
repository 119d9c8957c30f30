#include "util/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "util/block_sigpipe.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake {
namespace {

using Clock = std::chrono::steady_clock;

// Our end must not block: the program may close or stop reading its own.
Status MakeNonBlocking(int fd) {
  if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return ErrnoError("fcntl");
  return {};
}

class SpawnSetup {
 public:
  SpawnSetup() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  void Redirect(int ours, int theirs) {
    posix_spawn_file_actions_adddup2(&actions_, ours, theirs);
  }
  void ChangeDirectory(const std::string& directory) {
    posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str());
  }

  // Returns the process id, or the errno of what failed, negated.
  pid_t Spawn(const SubprocessOptions& options) {
    std::vector<char*> argv = CStrings(options.argv);
    std::vector<char*> env;
    if (options.env) env = CStrings(*options.env);
    pid_t pid = -1;
    int error = ::posix_spawnp(&pid, argv[0], &actions_, &attributes_,
                               argv.data(), options.env ? env.data() : environ);
    return error == 0 ? pid : -error;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// A started program; killed and reaped with its owner.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {
    // Missing before Linux 5.3: then the wait polls.
    pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (reaped_) return;
    ::kill(pid_, SIGKILL);
    int status;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }

  // Becomes readable when the program ends; -1 where the kernel cannot tell.
  int pidfd() const { return pidfd_.get(); }

  // Whether it has ended; never blocks.
  bool TryReap() {
    if (!reaped_) reaped_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
    return reaped_;
  }
  int exit_status() const {
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  }

 private:
  pid_t pid_;
  UniqueFd pidfd_;
  bool reaped_ = false;
  int status_ = 0;
};

// Moves what is there now; closes the pipe at its end.
Status ReadSome(UniqueFd& pipe, std::string& text, uint64_t limit_bytes) {
  std::array<char, 16384> buffer;
  while (pipe) {
    ssize_t count = ::read(pipe.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return {};
    if (count < 0) return ErrnoError("read from program");
    if (count == 0) {
      pipe.reset();
      return {};
    }
    if (text.size() + static_cast<size_t>(count) > limit_bytes) {
      return InvalidArgument("printed more than " +
                             std::to_string(limit_bytes) + " bytes");
    }
    text.append(buffer.data(), static_cast<size_t>(count));
  }
  return {};
}

void WriteSome(UniqueFd& pipe, std::string_view& rest) {
  while (pipe && !rest.empty()) {
    ssize_t count = ::write(pipe.get(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    // A program that does not read its input is no failure.
    if (count < 0) break;
    rest.remove_prefix(static_cast<size_t>(count));
  }
  pipe.reset();
}

// The three pipes of a running program.
struct Streams {
  UniqueFd in;
  UniqueFd out;
  UniqueFd err;
};

// Waits until a pipe can move, the program ended, `wake` became readable or
// `deadline` came.
void WaitForEvent(const Streams& streams, const Child& child, int wake,
                  Clock::time_point deadline) {
  std::array<pollfd, 5> fds = {{{streams.in.get(), POLLOUT, 0},
                                {streams.out.get(), POLLIN, 0},
                                {streams.err.get(), POLLIN, 0},
                                {child.pidfd(), POLLIN, 0},
                                {wake, POLLIN, 0}}};
  constexpr int kPollWithoutPidfdMs = 20;
  int wait_ms = child.pidfd() < 0 ? kPollWithoutPidfdMs : -1;
  if (deadline != Clock::time_point::max()) {
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    int left_ms = static_cast<int>(
        std::clamp<int64_t>(left.count(), 0, int64_t{3'600'000}));
    wait_ms = wait_ms < 0 ? left_ms : std::min(wait_ms, left_ms);
  }
  ::poll(fds.data(), fds.size(), wait_ms);
}

Result<SubprocessResult> Communicate(const SubprocessOptions& options,
                                     Child& child, Streams& streams,
                                     std::stop_token stop) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return ErrnoError("eventfd");
  std::stop_callback on_stop(stop, [&] {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = ::write(wake.get(), &one, sizeof one);
  });
  auto deadline = options.timeout.count() > 0 ? Clock::now() + options.timeout
                                              : Clock::time_point::max();
  SubprocessResult result;
  std::string_view input = options.stdin_text;
  while (true) {
    // Asked before reading, so that nothing written before the end is missed.
    bool ended = child.TryReap();
    WriteSome(streams.in, input);
    RETURN_IF_ERROR(
        ReadSome(streams.out, result.stdout_text, options.output_limit_bytes));
    RETURN_IF_ERROR(
        ReadSome(streams.err, result.stderr_text, options.output_limit_bytes));
    if (ended) {
      result.exit_status = child.exit_status();
      return result;
    }
    if (stop.stop_requested()) return Cancelled("stopped");
    if (Clock::now() >= deadline) {
      return Error(
          ErrorCode::kUnavailable,
          "no end after " + std::to_string(options.timeout.count()) + " ms");
    }
    WaitForEvent(streams, child, wake.get(), deadline);
  }
}

}  // namespace

Result<SubprocessResult> RunSubprocess(const SubprocessOptions& options,
                                       std::stop_token stop) {
  if (options.argv.empty()) return InvalidArgument("no program to run");
  ASSIGN_OR_RETURN(Pipe in, MakePipe());
  ASSIGN_OR_RETURN(Pipe out, MakePipe());
  ASSIGN_OR_RETURN(Pipe err, MakePipe());

  SpawnSetup setup;
  setup.Redirect(in.read_end.get(), STDIN_FILENO);
  setup.Redirect(out.write_end.get(), STDOUT_FILENO);
  setup.Redirect(err.write_end.get(), STDERR_FILENO);
  if (!options.working_dir.empty()) {
    setup.ChangeDirectory(options.working_dir);
  }
  pid_t pid = setup.Spawn(options);
  if (pid < 0) return ErrnoError("run " + options.argv[0], -pid);
  Child child(pid);

  Streams streams{std::move(in.write_end), std::move(out.read_end),
                  std::move(err.read_end)};
  in.read_end.reset();
  out.write_end.reset();
  err.write_end.reset();
  for (int fd : {streams.in.get(), streams.out.get(), streams.err.get()}) {
    RETURN_IF_ERROR(MakeNonBlocking(fd));
  }
  BlockSigpipe block_sigpipe;
  auto result = Communicate(options, child, streams, stop);
  if (!result) return std::move(result).error().Wrap(options.argv[0]);
  return result;
}

}  // namespace strake
