// What a step costs where system calls are notified and nothing else is done:
// no sandbox that answers the same calls can cost less.
//
// The scripts of sandbox_bench.cc run in a chroot below the filters of
// userns-emu and notify, and the supervisor lets each call through as it
// stands. The counters are the same, and `calls`, how many there were, and
// `us_per_call`, how much more processor time each of them took.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bench/sandbox_scripts.h"
#include "builder/sandbox/notify/filter.h"
#include "builder/sandbox/notify/handlers.h"
#include "builder/sandbox/notify/listener.h"
#include "builder/sandbox/notify/placement.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {
namespace {

using bench::Took;
using bench::Workload;

struct Filter {
  const char* name;
  std::vector<BpfInstruction> (*make)();
};
constexpr Filter kFilters[] = {
    {"userns-emu", [] { return NativePathsFilter(CallsWithNativePaths()); }},
    {"notify",
     [] { return NotifyFilter(AllHandledCalls(), AnsweredBy::kListener); }},
};

// One of the supervisor's threads.
void LetThrough(Listener& listener, Placement& placement, unsigned worker,
                std::atomic<uint64_t>& calls) {
  const auto receive = [&] {
    const auto turn = placement.AwaitTurn(worker);
    return listener.Receive();
  };
  while (const auto call = receive()) {
    placement.Note(call->thread);
    listener.Continue(*call);
    ++calls;
  }
}

// Starts the script below `filter`; `told` and `taken` are pipes.
pid_t StartBelow(const std::vector<BpfInstruction>& filter, const char* script,
                 const int* told, const int* taken) {
  const pid_t child = fork();
  if (child != 0) return child;
  const int listener = InstallListener(filter);
  char go = 0;
  if (write(told[1], &listener, sizeof(listener)) != sizeof(listener) ||
      read(taken[0], &go, 1) != 1) {
    _exit(127);
  }
  syscall(SYS_close, listener);
  bench::ExecuteShell(script);
}

// The listener that `child` says to have in the pipe `from`.
UniqueFd TakeListener(pid_t child, int from) {
  int number = -1;
  if (read(from, &number, sizeof(number)) != sizeof(number)) return {};
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  return UniqueFd(
      static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), number, 0)));
}

std::optional<Took> RunBelow(const Filter& filter, const std::string& root,
                             const char* script) {
  return bench::InChild([&]() -> std::optional<Took> {
    int told[2];
    int taken[2];
    if (!bench::EnterChroot(root) || pipe2(told, O_CLOEXEC) != 0 ||
        pipe2(taken, O_CLOEXEC) != 0) {
      return std::nullopt;
    }
    const std::vector<BpfInstruction> program = filter.make();
    std::atomic<uint64_t> calls = 0;
    std::optional<Took> took = bench::Timed([&] {
      const pid_t child = StartBelow(program, script, told, taken);
      Listener listener(TakeListener(child, told[0]));
      if (listener.fd() < 0 || write(taken[1], "", 1) != 1) return false;
      Placement placement(listener.fd());
      const auto work = [&](unsigned worker) {
        LetThrough(listener, placement, worker, calls);
      };
      const std::array workers = {std::jthread(work, 0U),
                                  std::jthread(work, 1U)};
      int status = 0;
      waitpid(child, &status, 0);
      return status == 0;
    });
    if (took) took->calls = calls;
    return took;
  });
}

void Register(const Workload& workload) {
  for (const Filter& filter : kFilters) {
    const std::string name =
        "BM_SandboxFloor/" + std::string(workload.name) + "/" + filter.name;
    bench::RegisterScript(name, workload, [&](const std::string& root) {
      return RunBelow(filter, root, workload.script);
    });
  }
}

const bool kRegistered = [] {
  bench::ForEachWorkload(Register);
  return true;
}();

}  // namespace
}  // namespace strake::builder::sandbox::notify
