// Programs that were made for another kind of machine than this one.

#ifndef STRAKE_BUILDER_SANDBOX_FOREIGN_PROGRAM_H_
#define STRAKE_BUILDER_SANDBOX_FOREIGN_PROGRAM_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// A kind of machine, as the header of an ELF file tells it.
struct Machine {
  std::string_view architecture;  // as platforms have it: "arm64"
  std::string_view qemu;          // as qemu-user's programs have it: "aarch64"
  uint16_t number = 0;            // e_machine
  bool is_64_bit = true;
  bool is_big_endian = false;
};

// Those that qemu-user emulates and container images are made for.
std::span<const Machine> Machines();

// The header that a program for `machine` begins with: enough to tell what it
// is, nothing that could run.
std::array<uint8_t, 64> ElfHeader(const Machine& machine);

// The machine that this process's own programs are for; null: not in the table.
const Machine* OwnMachine();
// Whether the kernel runs programs for `machine` itself.
bool IsNative(const Machine& machine);

struct ForeignProgram {
  std::string path;  // in the root; where a script names one: that
  const Machine* machine = nullptr;
};

// What `spec` would execute, if that is a program for another kind of machine,
// or a script for one. Nothing where it is not, or is not found in the root
// (it may be on a mount).
std::optional<ForeignProgram> FindForeignProgram(const ProcessSpec& spec);

// That `program` cannot be run, `because` of what.
Error NotRunnable(const ForeignProgram& program, const std::string& because);
// For a sandbox that starts programs itself, and only those of this machine.
Status RefuseForeignProgram(const ProcessSpec& spec);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_FOREIGN_PROGRAM_H_
