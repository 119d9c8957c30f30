#include "cli/interrupt.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>

#include "util/thread.h"

namespace strake::cli {
namespace {

// All that a handler can reach.
std::atomic<int> received{0};
std::atomic<int> wake_fd{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void OnSignal(int signal_number) {
  int saved_errno = errno;
  int none = 0;
  if (!received.compare_exchange_strong(none, signal_number)) {
    _exit(128 + signal_number);
  }
  char byte = 1;
  // The pipe is empty: this is its first byte, and it fits.
  [[maybe_unused]] ssize_t written = write(wake_fd.load(), &byte, 1);
  errno = saved_errno;
}

// An empty handler instead of SIG_IGN, which programs that we start would
// inherit: `yes | head` would never end in a RUN.
void OnBrokenPipe(int) {}

Status SetHandler(int signal_number, void (*handler)(int)) {
  struct sigaction action = {};
  if (sigaction(signal_number, nullptr, &action) != 0) {
    return ErrnoError("sigaction");
  }
  // Who started us wants it ignored: nohup, or a shell's background job.
  if (handler == OnSignal && action.sa_handler == SIG_IGN) return {};
  action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (sigaction(signal_number, &action, nullptr) != 0) {
    return ErrnoError("sigaction");
  }
  return {};
}

}  // namespace

Status Interrupt::Install() {
  auto pipe = MakePipe();
  if (!pipe) return std::move(pipe).error();
  pipe_ = *std::move(pipe);
  wake_fd = pipe_.write_end.get();
  auto listener = StartThread([this] {
    char byte = 0;
    ssize_t count = 0;
    do {
      count = read(pipe_.read_end.get(), &byte, 1);
    } while (count < 0 && errno == EINTR);
    if (count == 1 && byte == 1) source_.request_stop();
  });
  if (!listener) return std::move(listener).error();
  listener_ = *std::move(listener);
  for (int signal_number : {SIGINT, SIGTERM, SIGHUP}) {
    if (auto set = SetHandler(signal_number, OnSignal); !set) return set;
  }
  return SetHandler(SIGPIPE, OnBrokenPipe);
}

Interrupt::~Interrupt() {
  if (!listener_.joinable()) return;
  for (int signal_number : {SIGINT, SIGTERM, SIGHUP}) {
    ::signal(signal_number, SIG_DFL);
  }
  char byte = 0;
  [[maybe_unused]] ssize_t written = write(pipe_.write_end.get(), &byte, 1);
  listener_.join();
}

int Interrupt::signal() const { return received; }

void Interrupt::Wait() {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, token(), [] { return false; });
}

}  // namespace strake::cli
