// A seccomp program, run by us: where the kernel would not ask it.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_RUN_FILTER_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_RUN_FILTER_H_

#include <linux/seccomp.h>

#include <cstdint>
#include <span>

#include "builder/sandbox/bpf_program.h"

namespace strake::builder::sandbox::notify {

// What `filter` says of `call` (SECCOMP_RET_*). Knows the instructions that our
// filters have; SECCOMP_RET_KILL_PROCESS for any other, or a jump out of it.
uint32_t RunFilter(std::span<const BpfInstruction> filter,
                   const seccomp_data& call);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_RUN_FILTER_H_
