// What every child of a sandbox does, with or without namespaces: it reports,
// closes what is not its own, and becomes the program. Under the rules of
// `child.h`: system calls only.

#ifndef STRAKE_BUILDER_SANDBOX_CHILD_PROGRAM_H_
#define STRAKE_BUILDER_SANDBOX_CHILD_PROGRAM_H_

#include <sys/types.h>

#include <cstddef>

#include "builder/sandbox/child.h"

namespace strake::builder::sandbox {

// fork(2) without the C library's handlers for it.
pid_t RawFork();

// The same, and returns in the parent only once the child has executed a
// program or ended.
pid_t ForkUntilExec();

// Closes every descriptor but those of `keep`, which is in ascending order.
void CloseAllBut(const int* keep, size_t count);

class ChildProgram {
 public:
  // `plan` is borrowed.
  explicit ChildProgram(const ChildPlan& plan)
      : plan_(plan), channel_(plan.channel) {}

  void Send(const ChildReport& report);
  // Reports `step` with errno, and exits.
  [[noreturn]] void Fail(ChildStep step, int index = 0);
  void Check(bool ok, ChildStep step, int index = 0) {
    if (!ok) Fail(step, index);
  }
  // What `ForkUntilExec` has waited for.
  void SendStarted();
  // How the program ended, from its wait status.
  void SendExit(int status);

  // Tells the parent that all is set for its death, and waits for a sign of
  // life from it; exits where there is none.
  void AnnounceReady();
  // Hides our command line and environment from the step.
  void BlankTitle();

  // Becomes the program: descriptors, root, working directory, filter,
  // identity, execve(2).
  [[noreturn]] void Run();

 private:
  void SetUpStdio();
  void ResetSignals();
  void EnterRoot();
  void TakeIdentity();
  void SendListener();
  void SendListenerFirst();
  [[noreturn]] void Execute();

  const ChildPlan& plan_;
  int channel_;
};

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_CHILD_PROGRAM_H_
