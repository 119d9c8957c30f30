#include <sys/ptrace.h>

#include <cerrno>

#include "builder/sandbox/notify/registers.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr unsigned kSystemCallInstructionSize = 2;  // 0f 05

unsigned long long user_regs_struct::*const kArguments[] = {
    &user_regs_struct::rdi, &user_regs_struct::rsi, &user_regs_struct::rdx,
    &user_regs_struct::r10, &user_regs_struct::r8,  &user_regs_struct::r9};

}  // namespace

bool Registers::Read(pid_t thread) {
  return ptrace(PTRACE_GETREGS, thread, nullptr, &values_) == 0;
}

bool Registers::Write(pid_t thread) const {
  return ptrace(PTRACE_SETREGS, thread, nullptr, &values_) == 0;
}

int Registers::number() const { return static_cast<int>(values_.orig_rax); }

// The kernel puts ENOSYS there before the call; none that is waited for returns
// that.
bool Registers::IsAtEntry() const {
  return result() == -ENOSYS && number() >= 0;
}

void Registers::ReplaceCall(int number) {
  values_.orig_rax = static_cast<unsigned long long>(number);
}

void Registers::Restart(int number) {
  values_.rip -= kSystemCallInstructionSize;
  values_.rax = static_cast<unsigned long long>(number);
  // Not in a system call any more: or the kernel would restart it by itself.
  values_.orig_rax = ~0ULL;
}

void Registers::SetArgument(int index, uint64_t value) {
  values_.*kArguments[index] = value;
}

uint64_t Registers::argument(int index) const {
  return values_.*kArguments[index];
}

int64_t Registers::result() const { return static_cast<int64_t>(values_.rax); }

void Registers::SetInterruptibleResult(int64_t result) {
  values_.rax = static_cast<unsigned long long>(result);
}

void Registers::SetResult(int64_t result) {
  values_.rax = static_cast<unsigned long long>(result);
  values_.orig_rax = ~0ULL;
}

}  // namespace strake::builder::sandbox::notify
