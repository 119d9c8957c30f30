// Picks the sandbox that works here, by trying.

#ifndef STRAKE_BUILDER_SANDBOX_PROBE_SANDBOX_H_
#define STRAKE_BUILDER_SANDBOX_PROBE_SANDBOX_H_

#include <memory>
#include <string>

#include "builder/sandbox/sandbox.h"
#include "builder/sandbox/user_namespace.h"

namespace strake::builder::sandbox {

struct SandboxChoice {
  std::unique_ptr<Sandbox> sandbox;  // never null
  std::string reason;                // one line for the log
};

// The best sandbox for a process with `privileges` (what `EnterUserNamespace`
// said): "overlay-root", "userns-map" or "userns-single". Where none works,
// "none": its `Run` is `kUnsupported` and says what was tried, what the kernel
// answered and what would have to be allowed.
// What a child process really does decides; it is done once per process, and
// takes about a millisecond. Safe to call from any thread.
SandboxChoice ProbeSandbox(const ProcessPrivileges& privileges);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_PROBE_SANDBOX_H_
