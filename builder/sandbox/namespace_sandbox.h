// A sandbox of namespaces: the backends overlay-root, userns-map and
// userns-single, which differ only in who the process is when it gets here
// (`user_namespace.h`).

#ifndef STRAKE_BUILDER_SANDBOX_NAMESPACE_SANDBOX_H_
#define STRAKE_BUILDER_SANDBOX_NAMESPACE_SANDBOX_H_

#include <stop_token>
#include <string>
#include <utility>

#include "builder/sandbox/child_plan.h"
#include "builder/sandbox/root_assembly.h"
#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// Needs CAP_SYS_ADMIN in the user namespace of the process, and Linux 5.10.
//
// A step gets mount, pid, ipc and uts namespaces of its own (and, for
// `Network::kNone`, one for the network), Docker's capabilities and seccomp
// filter, its /dev, /proc and /sys, /etc/hosts and /etc/resolv.conf. It is
// process 2: process 1 is strake's, reaps orphans, and takes everything with it
// when the step ends or strake dies.
//
// Where the user namespace maps a single id, a step that is to run as anybody
// but 0:0 is `kUnsupported`; supplementary groups of root, which the kernel
// forbids to set there, are left out.
class NamespaceSandbox final : public Sandbox {
 public:
  explicit NamespaceSandbox(std::string name) : name_(std::move(name)) {}

  std::string_view name() const override { return name_; }
  bool joins_networks() const override { return true; }
  Result<ExitStatus> Run(const ProcessSpec& spec,
                         const OutputCallback& on_output,
                         std::stop_token stop) override;

 private:
  std::string name_;
};

// Somebody who answers some system calls of a run.
class CallAnswerer {
 public:
  virtual ~CallAnswerer() = default;
  // Before the program starts in `root`: which, and where to.
  virtual Result<Listening> Start(const AssembledRoot& root) = 0;
};

// What `NamespaceSandbox::Run` does.
//   answerer  borrowed; null: nobody answers
Result<ExitStatus> RunInNamespaces(const ProcessSpec& spec,
                                   const OutputCallback& on_output,
                                   const std::stop_token& stop,
                                   CallAnswerer* answerer = nullptr);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_NAMESPACE_SANDBOX_H_
