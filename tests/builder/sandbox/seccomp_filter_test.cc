#include "builder/sandbox/seccomp_filter.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace strake::builder::sandbox {
namespace {

constexpr uint32_t kDenied = SECCOMP_RET_ERRNO | EPERM;
constexpr uint32_t kMissing = SECCOMP_RET_ERRNO | ENOSYS;

// Runs the filter as the kernel would; covers the instructions it may use.
uint32_t Evaluate(uint32_t arch, uint32_t number, uint64_t argument = 0) {
  const bool arm = arch == AUDIT_ARCH_AARCH64 || arch == AUDIT_ARCH_ARM;
  const std::vector<BpfInstruction> code =
      DefaultSeccompFilter(arm ? Machine::kArm64 : Machine::kX8664);
  seccomp_data data{};
  data.arch = arch;
  data.nr = static_cast<int>(number);
  data.args[0] = argument;
  uint32_t loaded = 0;
  for (size_t at = 0; at < code.size(); ++at) {
    const BpfInstruction& now = code[at];
    switch (now.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&loaded, reinterpret_cast<char*>(&data) + now.operand, 4);
        break;
      case BPF_JMP | BPF_JA:
        at += now.operand;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += loaded == now.operand ? now.jump_true : now.jump_false;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        at += (loaded & now.operand) != 0 ? now.jump_true : now.jump_false;
        break;
      case BPF_RET | BPF_K:
        return now.operand;
      default:
        ADD_FAILURE() << "instruction " << now.code;
        return 0;
    }
  }
  ADD_FAILURE() << "ran off the end";
  return 0;
}

TEST(SeccompFilterTest, DeniesTheListForEveryKindOfProgram) {
  for (const DeniedCall& call : DeniedCalls()) {
    if (call.x86_64 >= 0) {
      EXPECT_EQ(Evaluate(AUDIT_ARCH_X86_64, call.x86_64), kDenied) << call.name;
    }
    if (call.i386 >= 0) {
      EXPECT_EQ(Evaluate(AUDIT_ARCH_I386, call.i386), kDenied) << call.name;
    }
    if (call.arm64 >= 0) {
      EXPECT_EQ(Evaluate(AUDIT_ARCH_AARCH64, call.arm64), kDenied) << call.name;
    }
    if (call.arm >= 0) {
      EXPECT_EQ(Evaluate(AUDIT_ARCH_ARM, call.arm), kDenied) << call.name;
    }
  }
}

#if defined(__x86_64__)

TEST(SeccompFilterTest, AllowsOrdinaryCalls) {
  for (const long number :
       {SYS_read, SYS_openat, SYS_execve, SYS_chroot, SYS_ptrace, SYS_mknodat,
        SYS_setuid, SYS_capset, SYS_name_to_handle_at, SYS_adjtimex}) {
    EXPECT_EQ(Evaluate(AUDIT_ARCH_X86_64, static_cast<uint32_t>(number)),
              uint32_t{SECCOMP_RET_ALLOW})
        << number;
  }
  EXPECT_EQ(Evaluate(AUDIT_ARCH_I386, 5), uint32_t{SECCOMP_RET_ALLOW});
}

TEST(SeccompFilterTest, LooksAtTheFlagsOfCloneAndUnshare) {
  constexpr uint64_t kThread = CLONE_VM | CLONE_FS | CLONE_THREAD;
  struct Numbers {
    uint32_t arch;
    uint32_t clone;
    uint32_t unshare;
  };
  for (const auto& [arch, clone, unshare] :
       {Numbers{AUDIT_ARCH_X86_64, 56, 272}, Numbers{AUDIT_ARCH_I386, 120, 310},
        Numbers{AUDIT_ARCH_AARCH64, 220, 97},
        Numbers{AUDIT_ARCH_ARM, 120, 337}}) {
    EXPECT_EQ(Evaluate(arch, clone, kThread), uint32_t{SECCOMP_RET_ALLOW});
    EXPECT_EQ(Evaluate(arch, clone, kThread | CLONE_NEWUSER), kDenied);
    EXPECT_EQ(Evaluate(arch, unshare, CLONE_FS), uint32_t{SECCOMP_RET_ALLOW});
    EXPECT_EQ(Evaluate(arch, unshare, CLONE_NEWNS), kDenied);
    EXPECT_EQ(Evaluate(arch, unshare, 0x80), kDenied);  // CLONE_NEWTIME
    EXPECT_EQ(Evaluate(arch, 435), kMissing);           // clone3
  }
}

TEST(SeccompFilterTest, LooksAtPersonalityAndSocketFamily) {
  const auto call = [](long number, uint64_t argument) {
    return Evaluate(AUDIT_ARCH_X86_64, static_cast<uint32_t>(number), argument);
  };
  EXPECT_EQ(call(SYS_personality, 0), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(call(SYS_personality, 0xffffffff), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(call(SYS_personality, 0x0040000), kDenied);  // ADDR_NO_RANDOMIZE
  EXPECT_EQ(call(SYS_socket, 2), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(call(SYS_socket, 40), kDenied);  // AF_VSOCK
}

TEST(SeccompFilterTest, KnowsNoX32AndNoOtherArchitecture) {
  EXPECT_EQ(Evaluate(AUDIT_ARCH_X86_64, 0x40000000 | SYS_read), kMissing);
  EXPECT_EQ(Evaluate(AUDIT_ARCH_PPC64LE, 3), kDenied);
  EXPECT_TRUE(DefaultSeccompFilter(Machine::kOther).empty());
}

// `#define __NR_mount 165` of the kernel's headers, by name.
std::map<std::string, int, std::less<>> Numbers(const char* path) {
  std::map<std::string, int, std::less<>> numbers;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string define;
    std::string name;
    int number = 0;
    if (words >> define >> name >> number && name.starts_with("__NR_")) {
      numbers[name.substr(5)] = number;
    }
  }
  return numbers;
}

TEST(SeccompFilterTest, HasTheNumbersOfTheKernelsHeaders) {
  const auto x86_64 = Numbers("/usr/include/x86_64-linux-gnu/asm/unistd_64.h");
  const auto i386 = Numbers("/usr/include/x86_64-linux-gnu/asm/unistd_32.h");
  if (x86_64.empty() || i386.empty()) GTEST_SKIP() << "no kernel headers";
  for (const DeniedCall& call : DeniedCalls()) {
    if (auto it = x86_64.find(call.name); it != x86_64.end()) {
      EXPECT_EQ(call.x86_64, it->second) << call.name;
    }
    if (auto it = i386.find(call.name); it != i386.end()) {
      EXPECT_EQ(call.i386, it->second) << call.name;
    }
  }
}

#endif  // defined(__x86_64__)

}  // namespace
}  // namespace strake::builder::sandbox
