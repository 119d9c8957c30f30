// The part of rewriting that knows the machine.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_REGISTERS_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_REGISTERS_H_

#include <sys/types.h>
#include <sys/user.h>

#include <cstdint>

namespace strake::builder::sandbox::notify {

// Registers of a stopped thread that has just left a system call.
class Registers {
 public:
  // False where the thread is gone.
  bool Read(pid_t thread);
  bool Write(pid_t thread) const;

  // Back to the system call instruction, with `number`.
  void Restart(int number);
  void SetArgument(int index, uint64_t value);
  uint64_t argument(int index) const;
  int64_t result() const;
  // As after a call that returned `result`; it is not restarted.
  void SetResult(int64_t result);

 private:
  struct user_regs_struct values_ {};
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_REGISTERS_H_
