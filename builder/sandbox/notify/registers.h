// The part of rewriting that knows the machine.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_REGISTERS_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_REGISTERS_H_

#include <sys/types.h>
#include <sys/user.h>

#include <cstdint>

namespace strake::builder::sandbox::notify {

// Registers of a thread that is stopped at a system call.
class Registers {
 public:
  // False where the thread is gone.
  bool Read(pid_t thread);
  bool Write(pid_t thread) const;

  // Of the call that it is about to make or has made; -1: none.
  int number() const;
  // Whether the call is still to be made.
  bool IsAtEntry() const;
  // Another call in place of the one that is to be made.
  void ReplaceCall(int number);

  // Behind a call: back to the system call instruction, with `number`.
  void Restart(int number);
  void SetArgument(int index, uint64_t value);
  uint64_t argument(int index) const;
  int64_t result() const;
  // Where only that changes; a call that a signal interrupted is restarted.
  void SetInterruptibleResult(int64_t result);
  // As after a call that returned `result`; it is not restarted. Where the call
  // is still to be made, it is skipped.
  void SetResult(int64_t result);

 private:
  struct user_regs_struct values_ {};
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_REGISTERS_H_
