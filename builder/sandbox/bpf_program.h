// Seccomp filters: written instruction by instruction, and installed.

#ifndef STRAKE_BUILDER_SANDBOX_BPF_PROGRAM_H_
#define STRAKE_BUILDER_SANDBOX_BPF_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace strake::builder::sandbox {

// One classic-BPF instruction; laid out as the kernel's `struct sock_filter`.
struct BpfInstruction {
  uint16_t code = 0;
  uint8_t jump_true = 0;
  uint8_t jump_false = 0;
  uint32_t operand = 0;
};

// A program in the making. It has one register, the loaded word; what is looked
// at is the kernel's `struct seccomp_data`.
class BpfProgram {
 public:
  // Loads the word at `offset`.
  void Load(size_t offset);
  // The lower or upper half of a system call's argument, 0 to 5.
  void LoadArgument(int i);
  void LoadArgumentHigh(int i);
  void And(uint32_t mask);

  // Ends with `action` (SECCOMP_RET_*).
  void Return(uint32_t action);
  // ... where the word is `value`; where it has one of `bits`.
  void ReturnIfEqual(uint32_t value, uint32_t action);
  void ReturnIfAnyBit(uint32_t bits, uint32_t action);

  // Skips the next `count` instructions unless the word equals `value`.
  void UnlessEqualSkip(uint32_t value, uint8_t count);
  void IfEqualSkip(uint32_t value, uint8_t count);
  void UnlessAtLeastSkip(uint32_t value, uint8_t count);
  // Lets the jump at `at` (a former `size`) skip everything up to here, which
  // is at most 255 instructions.
  void SkipToHere(size_t at);
  size_t size() const { return code_.size(); }

  // Runs `block`, which must end in a return and may be of any length, if the
  // word equals `value`; behind it the word is still loaded.
  void IfEqual(uint32_t value, std::span<const BpfInstruction> block);

  std::vector<BpfInstruction> Take() { return std::move(code_); }

 private:
  void Add(int code, uint32_t operand, uint8_t jump_true = 0,
           uint8_t jump_false = 0);

  std::vector<BpfInstruction> code_;
};

// Installs `filter` in the calling thread and what it starts; `flags` as of
// seccomp(2), SECCOMP_SET_MODE_FILTER. Returns what that does (a listener's
// descriptor, else 0), or a negative errno.
// For the child of a fork (`child.h`): makes system calls only.
int InstallFilter(std::span<const BpfInstruction> filter, unsigned flags);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_BPF_PROGRAM_H_
