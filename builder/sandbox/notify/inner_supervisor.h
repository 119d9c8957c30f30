// The supervisor of userns-emu: as that of notify, for processes in namespaces
// of their own, which somebody else starts and ends.
//
// It stays outside of their namespaces: /proc then shows it every process by
// the number that notifications have, and descriptors lead it into their mount
// namespace, where the kernel resolves their paths for it as for them.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_INNER_SUPERVISOR_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_INNER_SUPERVISOR_H_

#include "builder/sandbox/sandbox.h"

namespace strake::builder::sandbox::notify {

struct InnerSupervisorPlan {
  const ProcessSpec* spec = nullptr;  // borrowed; with the virtual ids
  // Borrowed. The first process sends the listener (`Listening`), and the
  // kernel its number (SO_PASSCRED is set); the end of the stream is the end of
  // the run.
  int socket = -1;
  int results = -1;  // a file; see `RunResults`
};

// Answers, then writes the results and exits with 0 if they are whole.
// REQUIRES: called in a new process with one thread.
[[noreturn]] void RunInnerSupervisor(const InnerSupervisorPlan& plan);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_INNER_SUPERVISOR_H_
