// The seccomp program that decides which system calls the supervisor answers.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_FILTER_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_FILTER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "builder/sandbox/bpf_program.h"

namespace strake::builder::sandbox::notify {

enum class AnsweredBy {
  kListener,  // SECCOMP_RET_USER_NOTIF
  kTracer,    // SECCOMP_RET_TRACE; nobody else may listen (EBUSY)
};

// `calls` are answered whatever their arguments, but for those that the
// supervisor rewrote (their path or address lies in the loader's arena), which
// pass. `answered` is what the filter says of them. Beside them: prctl and the
// rlimit calls where they concern what is emulated, locks that are not waited
// for, sendto with an address.
// Calls that reach files around the filter (io_uring) or that are not emulated
// are refused with ENOSYS, which programs take for an older kernel. Programs of
// other machines (i386, x32) get ENOSYS for every call.
std::vector<BpfInstruction> NotifyFilter(std::span<const int> calls,
                                         AnsweredBy answered);

// The same where the kernel resolves the processes' paths as it should
// (`Emulation::has_native_paths`): nothing is rewritten, what needs no answer
// for anybody is not among `calls`, and bind(2) passes with `kPassBind` in the
// upper half of its first argument, which the kernel does not look at.
std::vector<BpfInstruction> NativePathsFilter(std::span<const int> calls);
inline constexpr uint32_t kPassBind = 0x53545242;

// What the sixth argument (which they do not have) of these calls is where the
// supervisor lets the caller make them: getsockopt, getpeername, getdents64.
inline constexpr uint32_t kPass = 0x53545243;

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_FILTER_H_
