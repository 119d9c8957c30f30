// In place of everything else in this folder, on machines that it does not know
// (registers, system call numbers and the loader are x86-64's): the backends
// are there and say that they do not work.

#include <cerrno>

#include "builder/sandbox/namespace_sandbox.h"
#include "builder/sandbox/notify/listener.h"
#include "builder/sandbox/notify/mapped_sandbox.h"
#include "builder/sandbox/notify/notify_sandbox.h"
#include "builder/sandbox/notify/userns_emu_sandbox.h"

namespace strake::builder::sandbox {
namespace {

Error NotForThisMachine() {
  return Unsupported("this strake was built without it, which is x86-64 only");
}

}  // namespace

int notify::InstallListener(std::span<const BpfInstruction>) { return -ENOSYS; }

Result<ExitStatus> NotifySandbox::Run(const ProcessSpec&, const OutputCallback&,
                                      std::stop_token) {
  return NotForThisMachine();
}
Status ProbeNotify() { return NotForThisMachine(); }
Status ProbeTrace() { return NotForThisMachine(); }
notify::CallTransport TracerHere() { return notify::CallTransport::kTracer; }

// Without devices.
Result<ExitStatus> MappedSandbox::Run(const ProcessSpec& spec,
                                      const OutputCallback& on_output,
                                      std::stop_token stop) {
  return RunInNamespaces(spec, on_output, stop);
}

Result<ExitStatus> UsernsEmuSandbox::Run(const ProcessSpec&,
                                         const OutputCallback&,
                                         std::stop_token) {
  return NotForThisMachine();
}
Status ProbeUsernsEmu() { return NotForThisMachine(); }

}  // namespace strake::builder::sandbox
