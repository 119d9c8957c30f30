#include "builder/sandbox/notify/tracer.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

#include "builder/sandbox/notify/rewrite.h"
#include "builder/sandbox/notify/run_filter.h"
#include "util/byte_stream.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr int kCallStop = SIGTRAP | 0x80;
constexpr unsigned long kOptions = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                                   PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                                   PTRACE_O_TRACESECCOMP |
                                   PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;

// What an open file says of itself and a second open of it is to have. Not that
// it is to be made, emptied or no link: all that was done.
constexpr int kKeptFlags = O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC |
                           O_SYNC | O_DIRECT | O_DIRECTORY | O_NOATIME;

long Trace(int request, pid_t thread, unsigned long address = 0,
           unsigned long data = 0) {
  return ptrace(static_cast<__ptrace_request>(request), thread, address, data);
}

int EventOf(int status) { return status >> 16; }

pid_t EventMessage(pid_t thread) {
  unsigned long message = 0;
  ptrace(PTRACE_GETEVENTMSG, thread, nullptr, &message);
  return static_cast<pid_t>(message);
}

// 0: the process is gone.
pid_t ParentOf(pid_t process) {
  const std::string path = "/proc/" + std::to_string(process) + "/status";
  FdSource file(UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  const Result<std::string> text = ReadAll(file, 1 << 16);
  const size_t line = text ? text->find("\nPPid:\t") : std::string::npos;
  if (line == std::string::npos) return 0;
  return static_cast<pid_t>(std::strtol(text->c_str() + line + 7, nullptr, 10));
}

// Whether `thread` is no longer stopped for the reason that `status` says: it
// was killed, or another thread's execve(2) has taken its number.
bool IsOver(pid_t thread, int status) {
  if (!WIFSTOPPED(status)) return false;
  const int event = EventOf(status);
  const bool at_call = event == 0 && WSTOPSIG(status) == kCallStop;
  if (!at_call && (event == 0 || event == PTRACE_EVENT_STOP)) return false;
  siginfo_t why = {};
  if (ptrace(PTRACE_GETSIGINFO, thread, nullptr, &why) != 0) return true;
  return why.si_code != (at_call ? kCallStop : SIGTRAP | (event << 8));
}

bool IsStopSignal(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN ||
         signal == SIGTTOU;
}

bool LeadsItsProcess(pid_t thread) {
  return syscall(SYS_tgkill, thread, thread, 0) == 0;
}

// No signal is delivered meanwhile.
class BlockedSignals {
 public:
  explicit BlockedSignals(pid_t thread) : thread_(thread) {
    uint64_t all = ~uint64_t{0};
    blocked_ = Mask(PTRACE_GETSIGMASK, before_) && Mask(PTRACE_SETSIGMASK, all);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals() {
    if (blocked_) Mask(PTRACE_SETSIGMASK, before_);
  }

 private:
  bool Mask(int request, uint64_t& mask) const {
    return ptrace(static_cast<__ptrace_request>(request), thread_, sizeof(mask),
                  &mask) == 0;
  }
  const pid_t thread_;
  uint64_t before_ = 0;
  bool blocked_ = false;
};

}  // namespace

int Tracer::Attach(pid_t first) {
  if (Trace(PTRACE_SEIZE, first, 0, kOptions) != 0) return -errno;
  if (stops_at_all_calls()) Trace(PTRACE_INTERRUPT, first);
  first_ = first;
  threads_[first].process = first;
  processes_[first].threads = 1;
  return 0;
}

void Tracer::Run() {
  Stop stop;
  while (NextStop(stop)) {
    if (!ending_) {
      Handle(stop);
    } else if (WIFSTOPPED(stop.status)) {
      kill(stop.thread, SIGKILL);
    }
  }
}

// Those that run may each start one more, which stops before it does anything.
void Tracer::EndAll() {
  ending_ = true;
  for (const auto& [process, known] : processes_) kill(process, SIGKILL);
  for (const auto& [thread, status] : unborn_) kill(thread, SIGKILL);
  for (const Stop& stop : stops_) {
    if (WIFSTOPPED(stop.status)) kill(stop.thread, SIGKILL);
  }
  stops_.clear();
}

bool Tracer::NextStop(Stop& stop) {
  do {
    if (stops_.empty() && !WaitForStops()) return false;
    stop = stops_.front();
    stops_.pop_front();
  } while (stop.is_late && IsOver(stop.thread, stop.status));
  return true;
}

// All that have stopped, before one of them is let go on: the kernel tells of
// the youngest first, and so never of others where there is always a younger.
bool Tracer::WaitForStops() {
  // Of this thread's tracees only: the process has children of its own.
  int how = __WALL | __WNOTHREAD;
  Stop stop;
  while (true) {
    stop.thread = waitpid(-1, &stop.status, how);
    if (stop.thread < 0 && errno == EINTR) continue;
    if (stop.thread <= 0) return !stops_.empty();
    stops_.push_back(stop);
    stop.is_late = true;
    how |= WNOHANG;
  }
}

void Tracer::Handle(const Stop& stop) {
  if (!WIFSTOPPED(stop.status)) {
    Forget(stop.thread);
    if (stop.thread == first_) EndAll();
  } else if (!threads_.contains(stop.thread)) {
    unborn_[stop.thread] = stop.status;
  } else if (EventOf(stop.status) != 0) {
    HandleEvent(stop);
  } else if (WSTOPSIG(stop.status) == kCallStop) {
    HandleCallStop(stop.thread);
  } else {
    Resume(stop.thread, WSTOPSIG(stop.status));
  }
}

void Tracer::HandleEvent(const Stop& stop) {
  const pid_t thread = stop.thread;
  switch (EventOf(stop.status)) {
    case PTRACE_EVENT_SECCOMP: {
      Registers entry;
      if (entry.Read(thread)) Answer(thread, entry);
      return;
    }
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
      Adopt(EventMessage(thread), thread);
      break;
    case PTRACE_EVENT_EXEC:
      BecomeProgram(thread, EventMessage(thread));
      break;
    case PTRACE_EVENT_STOP:
      if (IsStopSignal(WSTOPSIG(stop.status))) {
        // It stays stopped, and tells when SIGCONT comes.
        Trace(PTRACE_LISTEN, thread);
        return;
      }
      break;
    default:
      break;
  }
  Resume(thread);
}

void Tracer::HandleCallStop(pid_t thread) {
  if (!stops_at_all_calls()) {
    HandleCallEnd(thread);
    return;
  }
  __ptrace_syscall_info info = {};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info) < 0) return;
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    HandleCallEntry(thread, info.arch);
  } else {
    HandleCallEnd(thread);
  }
}

void Tracer::HandleCallEntry(pid_t thread, uint32_t machine) {
  Registers entry;
  if (!entry.Read(thread)) return;
  seccomp_data call = {};
  call.nr = entry.number();
  call.arch = machine;
  for (int i = 0; i < 6; ++i) call.args[i] = entry.argument(i);
  const uint32_t action = RunFilter(filter_, call);
  switch (action & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_TRACE:
      Answer(thread, entry);
      return;
    case SECCOMP_RET_ERRNO:
      current_ = {.thread = thread, .entry = entry};
      Finish(-static_cast<int64_t>(action & SECCOMP_RET_DATA));
      return;
    default:
      Resume(thread);
      return;
  }
}

void Tracer::HandleCallEnd(pid_t thread) {
  Thread& known = threads_[thread];
  if (known.answer || known.restore) {
    Registers registers;
    if (!registers.Read(thread)) return;
    if (registers.IsAtEntry()) {
      // Other kernels than Linux ask the filter first.
      Resume(thread);
      return;
    }
    if (known.answer) {
      registers.SetResult(*known.answer);
    } else {
      // A call that is to be restarted is restarted as it was first made.
      known.restore->SetInterruptibleResult(registers.result());
      registers = *known.restore;
    }
    registers.Write(thread);
    known.answer.reset();
    known.restore.reset();
  }
  Resume(thread);
}

void Tracer::Answer(pid_t thread, const Registers& entry) {
  current_ = {.thread = thread, .entry = entry};
  Notification call;
  call.id = static_cast<uint64_t>(thread);
  call.thread = thread;
  call.number = entry.number();
  for (int i = 0; i < 6; ++i) call.arguments[i] = entry.argument(i);
  answer_(call);
}

void Tracer::Adopt(pid_t child, pid_t parent) {
  // Told already, or not at all where the parent was killed meanwhile.
  if (child <= 0 || threads_.contains(child)) return;
  const pid_t of = threads_[parent].process;
  const pid_t process = LeadsItsProcess(child) ? child : of;
  threads_[child].process = process;
  Process& known = processes_[process];
  ++known.threads;
  known.label = processes_[of].label;
  auto stopped = unborn_.find(child);
  if (stopped == unborn_.end()) return;
  stops_.push_back({child, stopped->second});
  unborn_.erase(stopped);
}

// A parent that is killed does not tell of its child, which is another's then.
// `label` is that of the process that was.
void Tracer::AdoptOrphans(const Label& label) {
  for (auto at = unborn_.begin(); at != unborn_.end();) {
    const auto [child, status] = *at;
    if (!LeadsItsProcess(child) || processes_.contains(ParentOf(child))) {
      ++at;
      continue;
    }
    threads_[child].process = child;
    processes_[child] = {.label = label, .threads = 1};
    stops_.push_back({.thread = child, .status = status, .is_late = true});
    at = unborn_.erase(at);
  }
}

// All other threads of the process are gone; the one that called execve(2) has
// the process's number now.
void Tracer::BecomeProgram(pid_t process, pid_t former) {
  if (former != process && threads_.erase(former) > 0) {
    --processes_[process].threads;
  }
  Thread& thread = threads_[process];
  thread = {};
  thread.process = process;
}

void Tracer::Forget(pid_t thread) {
  unborn_.erase(thread);
  auto found = threads_.find(thread);
  if (found == threads_.end()) return;
  auto process = processes_.find(found->second.process);
  threads_.erase(found);
  if (process == processes_.end()) return;
  const Label label = process->second.label;
  if (--process->second.threads > 0) return;
  processes_.erase(process);
  if (!unborn_.empty()) AdoptOrphans(label);
}

void Tracer::Resume(pid_t thread, int signal) {
  const Thread& known = threads_[thread];
  const bool to_call_stop =
      stops_at_all_calls() || known.answer || known.restore;
  Trace(to_call_stop ? PTRACE_SYSCALL : PTRACE_CONT, thread, 0,
        static_cast<unsigned long>(signal));
}

// The caller goes on as if its call had returned `result`.
int Tracer::Finish(int64_t result) {
  const pid_t thread = std::exchange(current_.thread, 0);
  if (thread == 0) return -ENOENT;
  Registers registers = current_.entry;
  registers.SetResult(result);
  if (current_.at_entry) {
    // Filters that are asked about a call that is skipped may set the result.
    if (stops_at_all_calls()) threads_[thread].answer = result;
  }
  const bool written = registers.Write(thread);
  // It then tells whether the process is still stopped.
  if (current_.stopped) Trace(PTRACE_INTERRUPT, thread);
  Resume(thread);
  return written ? 0 : -ENOENT;
}

int Tracer::Send(const Notification&, int64_t answer) { return Finish(answer); }

int Tracer::Continue(const Notification&) {
  const pid_t thread = std::exchange(current_.thread, 0);
  if (thread == 0) return -ENOENT;
  Resume(thread);
  return 0;
}

// Puts the caller before `call`.
int Tracer::Arrange(const RewrittenCall& call) {
  if (current_.thread == 0) return -ENOENT;
  uint64_t slot = 0;
  if (!call.data.empty()) {
    if (int failed = PutIntoArena(current_.thread, call, slot)) {
      return failed;
    }
  }
  Registers changed = current_.entry;
  if (current_.at_entry) {
    changed.ReplaceCall(call.number);
  } else {
    changed.Restart(call.number);
  }
  for (const RewrittenCall::Argument& argument : call.arguments) {
    changed.SetArgument(argument.index, argument.value == RewrittenCall::kSlot
                                            ? slot
                                            : argument.value);
  }
  return changed.Write(current_.thread) ? 0 : -ENOENT;
}

bool Tracer::RunToCallEnd(Registers& registers) {
  int signal = 0;
  while (true) {
    if (Trace(PTRACE_SYSCALL, current_.thread, 0,
              static_cast<unsigned long>(signal)) != 0) {
      return false;
    }
    Stop stop;
    do {
      stop.thread =
          waitpid(current_.thread, &stop.status, __WALL | __WNOTHREAD);
    } while (stop.thread < 0 && errno == EINTR);
    if (stop.thread < 0) return false;
    if (!WIFSTOPPED(stop.status) || EventOf(stop.status) == PTRACE_EVENT_EXEC) {
      stops_.push_back(stop);  // killed, or by another thread's execve(2)
      return false;
    }
    signal = 0;
    if (EventOf(stop.status) == PTRACE_EVENT_STOP) current_.stopped = true;
    if (EventOf(stop.status) != 0) continue;  // or the filter's
    if (WSTOPSIG(stop.status) != kCallStop) {
      // SIGSTOP, which cannot be blocked: the process stops, but for this
      // thread, which has to come to the end of its call first.
      signal = WSTOPSIG(stop.status);
      continue;
    }
    if (!registers.Read(current_.thread)) return false;
    if (!registers.IsAtEntry()) return true;
  }
}

// Lets the caller make `call` and stops it behind.
int Tracer::Inject(const RewrittenCall& call, int64_t& result) {
  if (int failed = Arrange(call)) return failed;
  Registers registers;
  bool ended = false;
  if (current_.at_entry) {
    ended = RunToCallEnd(registers);
  } else {
    const BlockedSignals blocked(current_.thread);
    ended = RunToCallEnd(registers);
  }
  if (!ended) {
    current_.thread = 0;
    return -ENOENT;
  }
  current_.at_entry = false;
  result = registers.result();
  return 0;
}

// Opens what `fd` is open for in the caller: a new open file, without position
// or locks. Its flags are those of `fd`.
int Tracer::Open(int fd, bool close_on_exec) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  // O_TMPFILE contains it, and names a directory that is not opened.
  if ((flags & O_TMPFILE) == O_TMPFILE) flags &= ~O_DIRECTORY;
  const int wanted =
      (flags & kKeptFlags) | O_NOCTTY | (close_on_exec ? O_CLOEXEC : 0);
  int64_t opened = 0;
  const int failed = Inject({.number = SYS_openat,
                             .arguments = {{0, static_cast<uint64_t>(AT_FDCWD)},
                                           {1, RewrittenCall::kSlot},
                                           {2, static_cast<uint64_t>(wanted)}},
                             .data = PathForTracee(fd)},
                            opened);
  return failed != 0 ? failed : static_cast<int>(opened);
}

int Tracer::SendDescriptor(const Notification&, UniqueFd fd, bool close_on_exec,
                           Close) {
  const int opened = Open(fd.get(), close_on_exec);
  if (opened < 0) return opened;
  fd.reset();
  if (int failed = Finish(opened)) return failed;
  return opened;
}

int Tracer::AddDescriptor(const Notification&, int fd) {
  return Open(fd, true);
}

int Tracer::CallInTracee(const Notification&, const RewrittenCall& instead,
                         int64_t& result, const Afterwards& afterwards) {
  if (int failed = Inject(instead, result)) {
    Finish(failed);
    return failed;
  }
  if (afterwards) afterwards(result);
  return Finish(result);
}

int Tracer::SendToCall(const Notification&, const RewrittenCall& instead) {
  if (int failed = Arrange(instead)) {
    Finish(failed);
    return failed;
  }
  const pid_t thread = std::exchange(current_.thread, 0);
  threads_[thread].restore = current_.entry;
  Resume(thread);
  return 0;
}

std::optional<Label> Tracer::LabelOf(pid_t thread) {
  auto found = threads_.find(thread);
  if (found == threads_.end()) return std::nullopt;
  return processes_[found->second.process].label;
}

void Tracer::SetLabel(pid_t thread, const Label& label) {
  auto found = threads_.find(thread);
  if (found != threads_.end()) processes_[found->second.process].label = label;
}

}  // namespace strake::builder::sandbox::notify
