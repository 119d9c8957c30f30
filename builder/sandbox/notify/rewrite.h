// System calls that only the caller itself can make (execve, chdir, connect):
// the supervisor lets it make them, with another path.
//
// A notification can be answered but not changed. So the caller is stopped
// (ptrace) while it waits, told EINTR, and sent back to its system call
// instruction with other registers: the path argument then points into the
// loader's arena, where nobody else can write in between, and which the filter
// lets pass. Its own memory is not touched, so that a vfork(2) child or a
// goroutine's small stack is safe.
//
// All functions end the notification; they return 0 or a negative errno.
// `Request`'s thread is traced by the calling thread meanwhile.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_REWRITE_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_REWRITE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "builder/sandbox/notify/request.h"

namespace strake::builder::sandbox::notify {

struct RewrittenCall {
  int number = 0;
  // Which arguments change: index and value; `kSlot` stands for the address of
  // `data` in the arena.
  struct Argument {
    int index = 0;
    uint64_t value = 0;
  };
  static constexpr uint64_t kSlot = ~uint64_t{0} - 1;
  std::vector<Argument> arguments;
  // Bytes for the arena, at most `kSlotSize`.
  std::string data;
};

// The caller makes `call` and goes on as if it had made its own: every register
// but the result is as before. For calls that do not block.
//   result  what the call returned, as the kernel returns it
int CallInTracee(Request& request, const RewrittenCall& call, int64_t& result);

// The caller makes `call`, and nobody waits for it: signals interrupt it as
// they would, but the registers of the changed arguments stay changed.
int SendToCall(Request& request, const RewrittenCall& call);

// "/proc/PID/fd/N": a descriptor of the supervisor as the caller can name it,
// with its NUL.
std::string PathForTracee(int fd, std::string_view below = {});

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_REWRITE_H_
