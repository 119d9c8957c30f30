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
// That is how it is done with a listener; a tracer changes the registers where
// the caller is stopped anyway.
//
// Functions that take a `Request` answer it; they return 0 or a negative errno.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_REWRITE_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_REWRITE_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "builder/sandbox/notify/request.h"

namespace strake::builder::sandbox::notify {

// The caller makes `call` and goes on as if it had made its own: every register
// but the result is as before. For calls that do not block.
//   result  what the call returned, as the kernel returns it
//   afterwards  called before the caller goes on
int CallInTracee(Request& request, const RewrittenCall& call, int64_t& result,
                 const Transport::Afterwards& afterwards = {});

// The caller makes `call`, and nobody waits for it: signals interrupt it as
// they would, but the registers of the changed arguments stay changed.
int SendToCall(Request& request, const RewrittenCall& call);

// Puts the data of `call` into a slot of the arena of `thread`; its address.
int PutIntoArena(pid_t thread, const RewrittenCall& call, uint64_t& address);

// "/proc/PID/fd/N": a descriptor of the supervisor as the caller can name it,
// with its NUL.
std::string PathForTracee(int fd, std::string_view below = {});

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_REWRITE_H_
