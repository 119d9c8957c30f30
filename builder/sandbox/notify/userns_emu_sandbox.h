// Runs processes in a user namespace with a single id as if it had all ids: a
// supervisor answers the system calls that are about owners, modes, devices and
// user ids, as that of notify does; the kernel does the rest.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_USERNS_EMU_SANDBOX_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_USERNS_EMU_SANDBOX_H_

#include <string>
#include <string_view>

#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// Needs what a `NamespaceSandbox` needs, and a listener (seccomp_unotify(2),
// Linux 5.19). A step gets the namespaces, mounts and filters of a
// `NamespaceSandbox`; its owners are in the journal as under a `NotifySandbox`,
// and so are the demands on the root: a path, all of whose files belong to the
// effective user.
class UsernsEmuSandbox final : public Sandbox {
 public:
  std::string_view name() const override { return "userns-emu"; }
  bool joins_networks() const override { return true; }
  bool emulates_owners() const override { return true; }
  Result<ExitStatus> Run(const ProcessSpec& spec,
                         const OutputCallback& on_output,
                         std::stop_token stop) override;
};

// Whether it works for a process that is root in a namespace: runs a program,
// once in the life of the process. Else `kUnsupported`, with the step that
// failed, or another error if nothing could be tried. Safe to call from any
// thread.
//   scratch  a directory for a small root; empty: a temporary one of the
//            system's. The first caller's is used.
Status ProbeUsernsEmu(const std::string& scratch = {});

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_USERNS_EMU_SANDBOX_H_
