#include "builder/sandbox/notify/run_filter.h"

#include <linux/filter.h>

#include <cstddef>
#include <cstring>

namespace strake::builder::sandbox::notify {

uint32_t RunFilter(std::span<const BpfInstruction> filter,
                   const seccomp_data& call) {
  uint32_t value = 0;
  for (size_t at = 0; at < filter.size(); ++at) {
    const BpfInstruction& instruction = filter[at];
    const uint32_t operand = instruction.operand;
    bool holds = false;
    switch (instruction.code) {
      case BPF_RET | BPF_K:
        return operand;
      case BPF_LD | BPF_W | BPF_ABS:
        if (operand > sizeof(call) - sizeof(value)) {
          return SECCOMP_RET_KILL_PROCESS;
        }
        std::memcpy(&value, reinterpret_cast<const char*>(&call) + operand,
                    sizeof(value));
        continue;
      case BPF_ALU | BPF_AND | BPF_K:
        value &= operand;
        continue;
      case BPF_JMP | BPF_JA:
        at += operand;
        continue;
      case BPF_JMP | BPF_JEQ | BPF_K:
        holds = value == operand;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        holds = value >= operand;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        holds = (value & operand) != 0;
        break;
      default:
        return SECCOMP_RET_KILL_PROCESS;
    }
    at += holds ? instruction.jump_true : instruction.jump_false;
  }
  return SECCOMP_RET_KILL_PROCESS;
}

}  // namespace strake::builder::sandbox::notify
