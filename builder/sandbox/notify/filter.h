// The seccomp program that decides which system calls the supervisor answers.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_FILTER_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_FILTER_H_

#include <span>
#include <vector>

#include "builder/sandbox/seccomp_filter.h"

namespace strake::builder::sandbox::notify {

enum class AnsweredBy {
  kListener,  // SECCOMP_RET_USER_NOTIF
  kTracer,    // SECCOMP_RET_TRACE; nobody else may listen (EBUSY)
};

// `calls` are answered whatever their arguments, but for those that the
// supervisor rewrote (their path or address lies in the loader's arena), which
// pass. `answered` is what the filter says of them. Beside them: prctl and the
// rlimit calls where they concern what is emulated, sendto with an address.
// Calls that reach files around the filter (io_uring) or that are not emulated
// are refused with ENOSYS, which programs take for an older kernel. Programs of
// other machines (i386, x32) get ENOSYS for every call.
std::vector<BpfInstruction> NotifyFilter(std::span<const int> calls,
                                         AnsweredBy answered);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_FILTER_H_
