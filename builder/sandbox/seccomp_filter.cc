// Programs make system calls under several architectures on one machine, each
// with numbers of its own, so the filter first looks at `arch`, then walks that
// architecture's table. A walk looks slow, but kernels from 5.11 evaluate it
// once per number and keep the answer where it does not depend on arguments.

#include "builder/sandbox/seccomp_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>

#include <cerrno>
#include <cstddef>

namespace strake::builder::sandbox {
namespace {

constexpr DeniedCall kDenied[] = {
    {"mount", 165, 21, 40, 21},
    {"umount", -1, 22, -1, 22},
    {"umount2", 166, 52, 39, 52},
    {"pivot_root", 155, 217, 41, 218},
    {"open_tree", 428, 428, 428, 428},
    {"move_mount", 429, 429, 429, 429},
    {"fsopen", 430, 430, 430, 430},
    {"fsconfig", 431, 431, 431, 431},
    {"fsmount", 432, 432, 432, 432},
    {"fspick", 433, 433, 433, 433},
    {"mount_setattr", 442, 442, 442, 442},
    {"open_tree_attr", 467, 467, 467, 467},
    {"setns", 308, 346, 268, 375},
    {"add_key", 248, 286, 217, 309},
    {"request_key", 249, 287, 218, 310},
    {"keyctl", 250, 288, 219, 311},
    {"init_module", 175, 128, 105, 128},
    {"finit_module", 313, 350, 273, 379},
    {"delete_module", 176, 129, 106, 129},
    {"create_module", 174, 127, -1, -1},
    {"get_kernel_syms", 177, 130, -1, -1},
    {"query_module", 178, 167, -1, -1},
    {"kexec_load", 246, 283, 104, 347},
    {"kexec_file_load", 320, -1, 294, 401},
    {"reboot", 169, 88, 142, 88},
    {"swapon", 167, 87, 224, 87},
    {"swapoff", 168, 115, 225, 115},
    {"acct", 163, 51, 89, 51},
    {"quotactl", 179, 131, 60, 131},
    {"quotactl_fd", 443, 443, 443, 443},
    {"nfsservctl", 180, 169, 42, 169},
    {"uselib", 134, 86, -1, 86},
    {"ustat", 136, 62, -1, 62},
    {"sysfs", 139, 135, -1, 135},
    {"_sysctl", 156, 149, -1, 149},
    {"lookup_dcookie", 212, 253, 18, 249},
    {"syslog", 103, 103, 116, 103},
    {"bpf", 321, 357, 280, 386},
    {"perf_event_open", 298, 336, 241, 364},
    {"userfaultfd", 323, 374, 282, 388},
    {"fanotify_init", 300, 338, 262, 367},
    {"open_by_handle_at", 304, 342, 265, 371},
    {"io_uring_setup", 425, 425, 425, 425},
    {"io_uring_enter", 426, 426, 426, 426},
    {"io_uring_register", 427, 427, 427, 427},
    {"settimeofday", 164, 79, 170, 79},
    {"stime", -1, 25, -1, 25},
    {"clock_settime", 227, 264, 112, 262},
    {"clock_settime64", -1, 404, -1, 404},
    {"iopl", 172, 110, -1, -1},
    {"ioperm", 173, 101, -1, -1},
    {"vm86", -1, 166, -1, -1},
    {"vm86old", -1, 113, -1, -1},
};

// Those whose arguments decide; the arguments are ints.
struct CheckedCalls {
  int clone;
  int clone3;
  int unshare;
  int personality;
  int socket;
};
constexpr CheckedCalls kX8664 = {.clone = 56,
                                 .clone3 = 435,
                                 .unshare = 272,
                                 .personality = 135,
                                 .socket = 41};
constexpr CheckedCalls kI386 = {.clone = 120,
                                .clone3 = 435,
                                .unshare = 310,
                                .personality = 136,
                                .socket = 359};
constexpr CheckedCalls kArm64 = {.clone = 220,
                                 .clone3 = 435,
                                 .unshare = 97,
                                 .personality = 92,
                                 .socket = 198};
constexpr CheckedCalls kArm = {.clone = 120,
                               .clone3 = 435,
                               .unshare = 337,
                               .personality = 136,
                               .socket = 281};

constexpr uint32_t kX32Bit = 0x40000000;
constexpr uint32_t kNewTime = 0x00000080;  // CLONE_NEWTIME, in unshare(2) only
constexpr uint32_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                 CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                 CLONE_NEWNET;
constexpr uint32_t kVsock = 40;  // AF_VSOCK: reaches the machine's hypervisor

constexpr uint32_t Deny(int error) {
  return SECCOMP_RET_ERRNO | static_cast<uint32_t>(error);
}

std::vector<BpfInstruction> DenyFlags(int argument, uint32_t flags) {
  BpfProgram code;
  code.LoadArgument(argument);
  code.ReturnIfAnyBit(flags, Deny(EPERM));
  code.Return(SECCOMP_RET_ALLOW);
  return code.Take();
}

// The values that Docker allows: Linux, 32-bit Linux, either with the version
// that old programs can stand (UNAME26), and "tell me".
std::vector<BpfInstruction> CheckPersonality() {
  BpfProgram code;
  code.LoadArgument(0);
  for (const uint32_t allowed : {0x0U, 0x8U, 0x20000U, 0x20008U, 0xffffffffU}) {
    code.ReturnIfEqual(allowed, SECCOMP_RET_ALLOW);
  }
  code.Return(Deny(EPERM));
  return code.Take();
}

std::vector<BpfInstruction> CheckSocket() {
  BpfProgram code;
  code.LoadArgument(0);
  code.ReturnIfEqual(kVsock, Deny(EPERM));
  code.Return(SECCOMP_RET_ALLOW);
  return code.Take();
}

// The program for one architecture; `number` is its column in the table.
std::vector<BpfInstruction> Table(int DeniedCall::*number,
                                  const CheckedCalls& checked) {
  BpfProgram code;
  code.Load(offsetof(seccomp_data, nr));
  if (number == &DeniedCall::x86_64) {
    // x32 has the x86-64 audit architecture and marks its numbers.
    code.ReturnIfAnyBit(kX32Bit, Deny(ENOSYS));
  }
  code.IfEqual(static_cast<uint32_t>(checked.clone), DenyFlags(0, kNamespaces));
  // Its flags lie in memory, where no filter can look; C libraries fall back to
  // clone on ENOSYS.
  code.ReturnIfEqual(static_cast<uint32_t>(checked.clone3), Deny(ENOSYS));
  code.IfEqual(static_cast<uint32_t>(checked.unshare),
               DenyFlags(0, kNamespaces | kNewTime));
  code.IfEqual(static_cast<uint32_t>(checked.personality), CheckPersonality());
  code.IfEqual(static_cast<uint32_t>(checked.socket), CheckSocket());
  for (const DeniedCall& call : kDenied) {
    if (call.*number >= 0) {
      code.ReturnIfEqual(static_cast<uint32_t>(call.*number), Deny(EPERM));
    }
  }
  code.Return(SECCOMP_RET_ALLOW);
  return code.Take();
}

}  // namespace

std::span<const DeniedCall> DeniedCalls() { return kDenied; }

std::vector<BpfInstruction> DefaultSeccompFilter(Machine machine) {
  if (machine == Machine::kOther) return {};
  BpfProgram code;
  code.Load(offsetof(seccomp_data, arch));
  if (machine == Machine::kX8664) {
    code.IfEqual(AUDIT_ARCH_X86_64, Table(&DeniedCall::x86_64, kX8664));
    code.IfEqual(AUDIT_ARCH_I386, Table(&DeniedCall::i386, kI386));
  } else {
    code.IfEqual(AUDIT_ARCH_AARCH64, Table(&DeniedCall::arm64, kArm64));
    code.IfEqual(AUDIT_ARCH_ARM, Table(&DeniedCall::arm, kArm));
  }
  code.Return(Deny(EPERM));
  return code.Take();
}

}  // namespace strake::builder::sandbox
