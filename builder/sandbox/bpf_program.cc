#include "builder/sandbox/bpf_program.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace strake::builder::sandbox {
namespace {

// Both of our architectures are little-endian: the low half comes first.
constexpr size_t ArgumentOffset(int i) {
  return offsetof(seccomp_data, args) +
         sizeof(uint64_t) * static_cast<size_t>(i);
}

static_assert(sizeof(BpfInstruction) == sizeof(sock_filter));

}  // namespace

void BpfProgram::Load(size_t offset) {
  Add(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
}

void BpfProgram::LoadArgument(int i) { Load(ArgumentOffset(i)); }

void BpfProgram::LoadArgumentHigh(int i) {
  Load(ArgumentOffset(i) + sizeof(uint32_t));
}

void BpfProgram::And(uint32_t mask) { Add(BPF_ALU | BPF_AND | BPF_K, mask); }

void BpfProgram::Return(uint32_t action) { Add(BPF_RET | BPF_K, action); }

void BpfProgram::ReturnIfEqual(uint32_t value, uint32_t action) {
  UnlessEqualSkip(value, 1);
  Return(action);
}

void BpfProgram::ReturnIfAnyBit(uint32_t bits, uint32_t action) {
  Add(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
  Return(action);
}

void BpfProgram::UnlessEqualSkip(uint32_t value, uint8_t count) {
  Add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count);
}

void BpfProgram::IfEqualSkip(uint32_t value, uint8_t count) {
  Add(BPF_JMP | BPF_JEQ | BPF_K, value, count, 0);
}

void BpfProgram::UnlessAtLeastSkip(uint32_t value, uint8_t count) {
  Add(BPF_JMP | BPF_JGE | BPF_K, value, 0, count);
}

void BpfProgram::SkipToHere(size_t at) {
  code_[at].jump_false = static_cast<uint8_t>(code_.size() - at - 1);
}

void BpfProgram::IfEqual(uint32_t value,
                         std::span<const BpfInstruction> block) {
  IfEqualSkip(value, 1);
  // A conditional jump has 8 bits.
  Add(BPF_JMP | BPF_JA, static_cast<uint32_t>(block.size()));
  code_.insert(code_.end(), block.begin(), block.end());
}

void BpfProgram::Add(int code, uint32_t operand, uint8_t jump_true,
                     uint8_t jump_false) {
  code_.push_back({.code = static_cast<uint16_t>(code),
                   .jump_true = jump_true,
                   .jump_false = jump_false,
                   .operand = operand});
}

int InstallFilter(std::span<const BpfInstruction> filter, unsigned flags) {
  sock_fprog program = {};
  program.len = static_cast<unsigned short>(filter.size());
  // The kernel only reads.
  program.filter = const_cast<sock_filter*>(
      reinterpret_cast<const sock_filter*>(filter.data()));
  const long made =
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  return made < 0 ? -errno : static_cast<int>(made);
}

}  // namespace strake::builder::sandbox
