// Running programs for other machines through qemu-user (binfmt_misc of the
// kernel, Documentation/admin-guide/binfmt-misc.rst).
//
// What the machine's administrator has registered is used where the kernel
// takes it inside a root file system, too (flag F). Else strake registers
// emulators for itself alone, which takes Linux 6.7: in its own user namespace,
// or, as root, in one that is made for them, where every id is what it is
// outside. Nothing is mounted anywhere, and all of it ends with the process.

#ifndef STRAKE_BUILDER_SANDBOX_EMULATORS_H_
#define STRAKE_BUILDER_SANDBOX_EMULATORS_H_

#include <string>
#include <vector>

#include "builder/sandbox/foreign_program.h"
#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// Where a program can be run.
struct EmulationPlace {
  // A user namespace that the program has to enter, valid as long as this
  // process; -1: it need not.
  int user_namespace = -1;
};

// Where emulators may be registered, if the machine has none.
enum class Emulation {
  kHere,       // in this process's user namespace, which is strake's own
  kApart,      // in a user namespace that is made for it
  kKernelOnly  // nowhere
};

// Sees to it that what `spec` executes can be run. Does nothing for programs of
// this machine. `kUnsupported` names the program, its machine, what was tried,
// and the package. Thread-safe.
Result<EmulationPlace> PrepareEmulation(const ProcessSpec& spec,
                                        Emulation emulation);

// The path of a statically linked qemu-user for `machine`, in the folders where
// packages put it; empty: there is none.
std::string FindEmulator(const Machine& machine);

// What is written to binfmt_misc's `register` for it.
std::string RegistrationLine(const Machine& machine,
                             const std::string& emulator);

// Whether the kernel runs programs for `machine` in any root file system, by
// trying. Done once for each machine.
bool KernelRuns(const Machine& machine);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_EMULATORS_H_
