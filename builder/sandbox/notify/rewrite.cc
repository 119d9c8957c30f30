#include "builder/sandbox/notify/rewrite.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "builder/sandbox/notify/listener.h"
#include "builder/sandbox/notify/loader/protocol.h"
#include "builder/sandbox/notify/placement.h"
#include "builder/sandbox/notify/registers.h"
#include "builder/sandbox/notify/tracee_memory.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr int kCallStop = SIGTRAP | 0x80;

long Trace(int request, pid_t thread, unsigned long address = 0,
           unsigned long data = 0) {
  return ptrace(static_cast<__ptrace_request>(request), thread, address, data);
}

// Slots are reused in turn: a caller has read its path long before the turn
// comes round.
uint64_t NextSlot() {
  static std::atomic<uint64_t> next{0};
  constexpr uint64_t kCount = kSlotCount - kHeldSlotCount;
  return kArenaAddress + kSlotSize * (1 + next.fetch_add(1) % kCount);
}

uint64_t HeldSlot(uint64_t number) {
  constexpr uint64_t kFirst = kSlotCount - kHeldSlotCount;
  return kArenaAddress + kSlotSize * (1 + kFirst + number % kHeldSlotCount);
}

// A thread held by ptrace; let go at the end.
class HeldThread {
 public:
  explicit HeldThread(pid_t thread) : thread_(thread) {}
  HeldThread(const HeldThread&) = delete;
  HeldThread& operator=(const HeldThread&) = delete;
  ~HeldThread() {
    // One that was killed while it was held cannot be let go, and its parent
    // hears of its end only once we have.
    while (held_ && Trace(PTRACE_DETACH, thread_) != 0 && Wait()) {
    }
  }

  // Ends the notification with the thread stopped behind its call.
  int Hold(Listener& listener, const Notification& call) {
    if (Trace(PTRACE_SEIZE, thread_, 0, PTRACE_O_TRACESYSGOOD) != 0) {
      // Traced by somebody else (strace inside a step).
      const int error = errno;
      listener.Send(call, -error);
      return -error;
    }
    held_ = true;
    // It cannot stop while it waits for its answer, but will before it goes on.
    Trace(PTRACE_INTERRUPT, thread_);
    listener.Send(call, -EINTR);
    return Wait() ? 0 : -ESRCH;
  }

  // Runs up to the next entry or exit of a system call.
  bool RunToCallStop() {
    int signal = 0;
    while (true) {
      if (Trace(PTRACE_SYSCALL, thread_, 0,
                static_cast<unsigned long>(signal)) != 0 ||
          !Wait()) {
        return false;
      }
      if (WSTOPSIG(status_) == kCallStop) return true;
      // All signals that can be blocked are. By SIGSTOP the process stops, but
      // for this thread, which does so when it is let go.
      signal = status_ >> 16 == 0 ? WSTOPSIG(status_) : 0;
    }
  }

  bool SetSignalMask(uint64_t mask) {
    return ptrace(static_cast<__ptrace_request>(PTRACE_SETSIGMASK), thread_,
                  sizeof(mask), &mask) == 0;
  }
  bool GetSignalMask(uint64_t& mask) {
    return ptrace(static_cast<__ptrace_request>(PTRACE_GETSIGMASK), thread_,
                  sizeof(mask), &mask) == 0;
  }

 private:
  bool Wait() {
    pid_t waited = 0;
    do {
      waited = waitpid(thread_, &status_, __WALL | __WNOTHREAD);
    } while (waited < 0 && errno == EINTR);
    if (waited == thread_ && WIFSTOPPED(status_)) return true;
    held_ = false;  // killed
    return false;
  }

  const pid_t thread_;
  bool held_ = false;
  int status_ = 0;
};

int Prepare(pid_t thread, const RewrittenCall& call, Registers& registers) {
  uint64_t slot = 0;
  if (!call.data.empty()) {
    if (int failed = PutIntoArena(thread, call, slot)) return failed;
  }
  if (!registers.Read(thread)) return -ESRCH;
  registers.Restart(call.number);
  for (const RewrittenCall::Argument& argument : call.arguments) {
    registers.SetArgument(argument.index, argument.value == RewrittenCall::kSlot
                                              ? slot
                                              : argument.value);
  }
  return 0;
}

}  // namespace

int Listener::CallInTracee(const Notification& call,
                           const RewrittenCall& instead, int64_t& result,
                           const Afterwards& afterwards) {
  const OnOneProcessor together(call.thread);
  HeldThread held(call.thread);
  if (int failed = held.Hold(*this, call)) return failed;
  Registers before;
  uint64_t mask = 0;
  if (!before.Read(call.thread) || !held.GetSignalMask(mask)) {
    return -ESRCH;
  }
  Registers changed;
  if (int failed = Prepare(call.thread, instead, changed)) return failed;
  held.SetSignalMask(~uint64_t{0});
  const bool made = changed.Write(call.thread) && held.RunToCallStop() &&
                    held.RunToCallStop() && changed.Read(call.thread);
  if (!made) return -ESRCH;
  result = changed.result();
  if (afterwards) afterwards(result);
  before.SetResult(result);
  before.Write(call.thread);
  held.SetSignalMask(mask);
  return 0;
}

int Listener::SendToCall(const Notification& call,
                         const RewrittenCall& instead) {
  const OnOneProcessor together(call.thread);
  HeldThread held(call.thread);
  if (int failed = held.Hold(*this, call)) return failed;
  Registers changed;
  if (int failed = Prepare(call.thread, instead, changed)) return failed;
  return changed.Write(call.thread) ? 0 : -ESRCH;
}

int CallInTracee(Request& request, const RewrittenCall& call, int64_t& result,
                 const Transport::Afterwards& afterwards) {
  return request.emulation().transport->CallInTracee(request.call(), call,
                                                     result, afterwards);
}

int SendToCall(Request& request, const RewrittenCall& call) {
  return request.emulation().transport->SendToCall(request.call(), call);
}

int PutIntoArena(pid_t thread, const RewrittenCall& call, uint64_t& address) {
  address = call.held_slot ? HeldSlot(*call.held_slot) : NextSlot();
  std::string data = call.data;
  if (call.pointer) {
    const uint64_t target = address + call.pointer->to;
    std::memcpy(data.data() + call.pointer->at, &target, sizeof(target));
  }
  return WriteMemory(thread, address, data.data(), data.size());
}

std::string PathForTracee(int fd, std::string_view below) {
  std::string path =
      "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd);
  if (!below.empty()) {
    path += '/';
    path += below;
  }
  path += '\0';
  return path;
}

}  // namespace strake::builder::sandbox::notify
