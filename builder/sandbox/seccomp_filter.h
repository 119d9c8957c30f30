// The system calls that a step may not make, as Docker's default profile has
// it: what reaches the kernel itself (modules, keys, clocks, bpf, mounts) or
// opens a way to it (new user namespaces), even to a process that is root.
//
// A list of what is denied, unlike Docker's list of what is allowed: a new
// system call needs no new strake. Programs of the machine's 32-bit sibling
// (i386 on x86-64, arm on arm64) have the same list; x32 has no calls at all.

#ifndef STRAKE_BUILDER_SANDBOX_SECCOMP_FILTER_H_
#define STRAKE_BUILDER_SANDBOX_SECCOMP_FILTER_H_

#include <span>
#include <string_view>
#include <vector>

#include "builder/sandbox/bpf_program.h"

namespace strake::builder::sandbox {

// Machines whose system call numbers strake knows; each runs its own programs
// and those of its 32-bit sibling.
enum class Machine { kX8664, kArm64, kOther };
#if defined(__x86_64__)
inline constexpr Machine kThisMachine = Machine::kX8664;
#elif defined(__aarch64__)
inline constexpr Machine kThisMachine = Machine::kArm64;
#else
inline constexpr Machine kThisMachine = Machine::kOther;
#endif

// The filter for `machine`; empty for `kOther`.
std::vector<BpfInstruction> DefaultSeccompFilter(
    Machine machine = kThisMachine);

// A denied call and its number for each kind of program; -1: has none.
struct DeniedCall {
  std::string_view name;
  int x86_64 = -1;
  int i386 = -1;
  int arm64 = -1;
  int arm = -1;
};
// Those denied whatever their arguments. (clone, unshare, personality and
// socket are denied by their arguments, clone3 with ENOSYS.)
std::span<const DeniedCall> DeniedCalls();

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_SECCOMP_FILTER_H_
