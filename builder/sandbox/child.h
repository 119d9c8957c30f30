// Everything between clone(2) and execve(2).
//
// The child is a copy of one thread of a process with many: a lock may be held
// for ever, the heap may be half-changed. So it allocates nothing, takes no
// lock, and makes system calls only; even the C library's setuid(3) is out, as
// it would signal threads that are not there. All it needs is in a `ChildPlan`
// made before, and what goes wrong is told as {step, errno, index}.

#ifndef STRAKE_BUILDER_SANDBOX_CHILD_H_
#define STRAKE_BUILDER_SANDBOX_CHILD_H_

#include <sys/wait.h>

#include <cstddef>
#include <cstdint>

#include "builder/sandbox/bpf_program.h"

namespace strake::builder::sandbox {

enum class ChildStep : int32_t {
  kNone,
  kCloseDescriptors,
  kJoinMountNamespace,
  kJoinIpcNamespace,
  kJoinUtsNamespace,
  kJoinNetworkNamespace,
  kMountProc,
  kMaskProc,      // index: of the path in the child's table
  kReadOnlyProc,  // likewise
  kFork,
  kStdio,  // index: of the stream
  kSession,
  kSignals,
  kChroot,
  kEnterCwd,
  kJoinUserNamespace,
  kSeccomp,
  kTrace,
  kDropBounding,  // index: the capability
  kSetGroups,
  kSetGid,
  kSetCapabilities,
  kSetUid,
  kListener,
  kExec,             // index: of the candidate
  kExecInterpreter,  // the program is there, what it needs to run is not
};
// "join the mount namespace"
const char* ChildStepText(ChildStep step);

// What the child sends over its channel, one a packet.
struct ChildReport {
  enum class Kind : int32_t {
    kReady = 1,  // it dies with its parent from now on; answer with one byte
    kFailed,     // `step`, `error`, `index`: no program was started
    kStarted,    // the program is being executed, unless `kFailed` came before
    kExited,     // the program ended: `code` or `signal`
  };
  Kind kind = Kind::kReady;
  ChildStep step = ChildStep::kNone;
  int32_t error = 0;
  int32_t index = 0;
  int32_t code = 0;
  int32_t signal = 0;
};

// How the program ended, from a status of waitpid(2).
inline ChildReport ExitReport(int status) {
  ChildReport report;
  report.kind = ChildReport::Kind::kExited;
  if (WIFSIGNALED(status)) {
    report.signal = WTERMSIG(status);
  } else {
    report.code = WEXITSTATUS(status);
  }
  return report;
}

// Borrowed pointers and descriptors; -1 and null mean "none".
struct ChildPlan {
  int channel = -1;  // a SOCK_SEQPACKET socket
  int mount_namespace = -1;
  int ipc_namespace = -1;
  int uts_namespace = -1;
  int network_namespace = -1;
  int user_namespace = -1;
  int proc_target = -1;
  int host_proc = -1;
  int dev_null = -1;
  int root_directory = -1;  // to chroot(2) into, without namespaces
  int stdio[3] = {-1, -1, -1};
  // All of the above, ascending: every other descriptor is closed.
  const int* keep = nullptr;
  size_t keep_count = 0;

  bool restrict_proc = true;  // masked and read-only paths
  const char* cwd = nullptr;
  const char* const* candidates = nullptr;  // paths to execute, first wins
  size_t candidate_count = 0;
  char* const* argv = nullptr;
  char* const* envp = nullptr;

  uint32_t uid = 0;
  uint32_t gid = 0;
  const uint32_t* groups = nullptr;
  size_t group_count = 0;
  uint64_t capabilities = 0;               // those that are kept
  const BpfInstruction* filter = nullptr;  // seccomp
  size_t filter_length = 0;

  // Where a supervisor answers system calls (`Listening`): which, and the
  // socket to send the listener to.
  const BpfInstruction* answered = nullptr;
  size_t answered_length = 0;
  int listener_socket = -1;
  bool listener_first = false;  // as `Listening::installed`

  // Our own command line and environment, as /proc/1/cmdline and environ would
  // show them to the step: blanked in the child's copy.
  char* title = nullptr;
  size_t title_size = 0;
};

// Runs as process 1 of a new pid namespace: joins the other namespaces, starts
// the program as a child of its own, reaps whatever is orphaned, reports how
// the program ended, and exits, by which the kernel ends all the others.
// REQUIRES: all signals are blocked.
[[noreturn]] void RunInit(const ChildPlan& plan);

// The same without any namespace, with chroot(2) alone (`reaper.cc`): what is
// orphaned comes to this process (PR_SET_CHILD_SUBREAPER), which kills all of
// it when the program has ended, or when the parent's end of the channel is
// closed, as by its death.
[[noreturn]] void RunReaper(const ChildPlan& plan);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_CHILD_H_
