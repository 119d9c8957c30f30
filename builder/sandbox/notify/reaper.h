// The process between the supervisor and the processes of a run: their oldest
// ancestor, which every orphan falls to, and which ends all of them.
//
// Why it is not the supervisor: a parent that waits for its children would take
// away the stops that the same process, as their tracer, waits for. And it
// watches the supervisor: however that dies, the reaper ends the run. If the
// reaper dies, the kernel ends the first process and the supervisor the rest.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_REAPER_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_REAPER_H_

#include <sys/types.h>

#include <cstdint>
#include <span>

#include "builder/sandbox/bpf_program.h"

namespace strake::builder::sandbox::notify {

// Borrowed pointers; made before the reaper is forked.
struct ReaperPlan {
  int supervisor = -1;  // a SOCK_SEQPACKET socket
  int cwd = -1;         // the first process's working directory
  int stdio[3] = {-1, -1, -1};
  uint32_t umask = 022;
  // What is denied, then what the supervisor answers; empty: none. With
  // `listens`, the second comes with a listener.
  bool listens = true;
  std::span<const BpfInstruction> denials;
  std::span<const BpfInstruction> filter;
  const char* loader_path = nullptr;
  char* const* argv = nullptr;
  char* const* envp = nullptr;
};

// Packets from the reaper to the supervisor.
struct ReaperMessage {
  enum class Kind : int32_t {
    kStarted =
        1,    // `process` waits at its start; the listener, if any, is attached
    kFailed,  // `step` and `error`
    kExited,  // `status`, as of waitpid(2)
  };
  Kind kind = Kind::kStarted;
  int32_t process = 0;
  int32_t step = 0;
  int32_t error = 0;
  int32_t status = 0;
};

// Starts the first process, waits until all are gone, and exits. After
// `kStarted` the supervisor answers with one byte.
// REQUIRES: called in a new process with one thread.
[[noreturn]] void RunReaper(const ReaperPlan& plan);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_REAPER_H_
