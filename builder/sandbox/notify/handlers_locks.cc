// Calls that can tell whether a file is open somewhere else: the kernel
// executes them, once none of our copies is.

#include <sys/syscall.h>

#include "builder/sandbox/notify/handlers.h"

namespace strake::builder::sandbox::notify {
namespace {

Answer HandleLock(Request& request) {
  request.emulation().under_way.WaitForEarlier();
  return Answer::Continue();
}

constexpr HandledCall kCalls[] = {
    {SYS_flock, HandleLock, true},
    {SYS_fcntl, HandleLock, true},
};

}  // namespace

std::span<const HandledCall> LockCalls() { return kCalls; }

}  // namespace strake::builder::sandbox::notify
