// The transport for where a seccomp listener cannot be had (a kernel before
// 5.19, gVisor, a supervisor around us that has one): ptrace(2).
//
// Every thread of the run is traced from its first instruction, followed
// through fork, vfork, clone and exec. It stops where the filter says
// SECCOMP_RET_TRACE; a value is the answer to a call that the kernel is told to
// skip, a descriptor is an open(2) of "/proc/SUPERVISOR/fd/N" that the caller
// makes in place of its own call. Signals and stops by signal pass unchanged.
//
// A supervisor around us whose listener wants the same calls comes first: the
// kernel asks it and forgets SECCOMP_RET_TRACE. There every call of every
// thread stops, before any filter is asked, and the filter is run here.
//
// One thread does it all, as ptrace wants it: calls are answered one after the
// other, and while a caller opens a file for itself (a descriptor as answer)
// all others that make answered calls wait. Opens that may block (FIFOs),
// connect(2) and execve(2) are not waited for. A file system that hangs hangs
// the run.
//
// The end of the first process is that of the run: from then on nobody is let
// go on, whoever stops is killed instead. What forks without end is thereby
// over with the next fork of each, however many there are.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_TRACER_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_TRACER_H_

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "builder/sandbox/bpf_program.h"
#include "builder/sandbox/notify/registers.h"
#include "builder/sandbox/notify/transport.h"

namespace strake::builder::sandbox::notify {

// Used by one thread, which becomes the tracer; when it ends, or the process,
// so do all that it traces.
class Tracer final : public Transport {
 public:
  // Answers a call by one of `Transport`'s functions before it returns.
  using Answerer = std::function<void(const Notification&)>;

  //   filter  says which calls are answered; empty: the processes have a filter
  //           with SECCOMP_RET_TRACE of their own
  Tracer(std::vector<BpfInstruction> filter, Answerer answer)
      : filter_(std::move(filter)), answer_(std::move(answer)) {}

  // Begins to trace `first`, a process with one thread. 0 or a negative errno.
  int Attach(pid_t first);
  // Answers calls until the first process has ended, then ends all others.
  void Run();

  int Send(const Notification& call, int64_t answer) override;
  int Continue(const Notification& call) override;
  int SendDescriptor(const Notification& call, UniqueFd fd, bool close_on_exec,
                     Close close) override;
  int AddDescriptor(const Notification& call, int fd) override;
  int CallInTracee(const Notification& call, const RewrittenCall& instead,
                   int64_t& result, const Afterwards& afterwards) override;
  int SendToCall(const Notification& call,
                 const RewrittenCall& instead) override;
  std::optional<Label> LabelOf(pid_t thread) override;
  void SetLabel(pid_t thread, const Label& label) override;

 private:
  struct Thread {
    pid_t process = 0;
    // What happens where its call ends: the answer to one that was skipped, or
    // the registers that it was sent to another call with.
    std::optional<int64_t> answer;
    std::optional<Registers> restore;
  };
  struct Process {
    Label label;
    int threads = 0;
  };
  struct Stop {
    pid_t thread = 0;
    int status = 0;
    // Others came between it and its turn.
    bool is_late = false;
  };
  // The call that is being answered.
  struct Current {
    pid_t thread = 0;  // 0: it is gone
    Registers entry;
    bool at_entry = true;  // else behind a call that was made in between
    bool stopped = false;  // its process was, by a signal, meanwhile
  };

  bool NextStop(Stop& stop);
  bool WaitForStops();
  void EndAll();
  void Handle(const Stop& stop);
  void HandleEvent(const Stop& stop);
  void HandleCallStop(pid_t thread);
  void HandleCallEntry(pid_t thread, uint32_t machine);
  void HandleCallEnd(pid_t thread);
  void Answer(pid_t thread, const Registers& entry);

  void Adopt(pid_t child, pid_t parent);
  void AdoptOrphans(const Label& label);
  void BecomeProgram(pid_t process, pid_t former);
  void Forget(pid_t thread);

  void Resume(pid_t thread, int signal = 0);
  int Finish(int64_t result);
  int Inject(const RewrittenCall& call, int64_t& result);
  int Arrange(const RewrittenCall& call);
  bool RunToCallEnd(Registers& registers);
  int Open(int fd, bool close_on_exec);

  bool stops_at_all_calls() const { return !filter_.empty(); }

  const std::vector<BpfInstruction> filter_;
  const Answerer answer_;
  Current current_;
  pid_t first_ = 0;
  bool ending_ = false;
  std::unordered_map<pid_t, Thread> threads_;
  std::unordered_map<pid_t, Process> processes_;
  // Stops of threads whose parent has not told of them yet.
  std::map<pid_t, int> unborn_;
  // In the order of their turns.
  std::deque<Stop> stops_;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_TRACER_H_
