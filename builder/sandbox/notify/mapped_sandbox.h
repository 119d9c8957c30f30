// Runs processes in a user namespace with subordinate ids: all is the kernel's
// but devices, which it lets nobody make in such a namespace.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_MAPPED_SANDBOX_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_MAPPED_SANDBOX_H_

#include <string_view>

#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// A `NamespaceSandbox` whose processes can make devices, where the kernel lets
// this process listen to them (seccomp_unotify(2), Linux 5.19; elsewhere
// making one fails). The devices are empty files on disk, and in the journal.
//
// What looks at files has to be answered for where there are devices, which
// costs as much as under a `UsernsEmuSandbox`; filters cannot be put on
// processes from outside. So a run without devices that makes one is ended, to
// be begun anew (`ProcessSpec::made_device`); until then it costs nothing.
class MappedSandbox final : public Sandbox {
 public:
  std::string_view name() const override { return "userns-map"; }
  bool joins_networks() const override { return true; }
  bool emulates_devices() const override { return true; }
  Result<ExitStatus> Run(const ProcessSpec& spec,
                         const OutputCallback& on_output,
                         std::stop_token stop) override;
};

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_MAPPED_SANDBOX_H_
