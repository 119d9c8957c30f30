// Picks the sandbox that works here, by trying.

#ifndef STRAKE_BUILDER_SANDBOX_PROBE_SANDBOX_H_
#define STRAKE_BUILDER_SANDBOX_PROBE_SANDBOX_H_

#include <memory>
#include <string>
#include <string_view>

#include "builder/sandbox/sandbox.h"
#include "builder/sandbox/user_namespace.h"
#include "util/result.h"

namespace strake::builder::sandbox {

struct SandboxChoice {
  std::unique_ptr<Sandbox> sandbox;  // never null
  std::string reason;                // one line for the log
};

// The best sandbox for a process with `privileges` (what `EnterUserNamespace`
// said), the first of `Backends` that works. Where none does, "none": its `Run`
// is `kUnsupported` and says what was tried and what the kernel answered.
// What a child process really does decides; it is done once per process, and
// takes some milliseconds. Safe to call from any thread.
//   scratch  a directory to make others in, now and in each run; empty: the
//            system's directory for such
SandboxChoice ProbeSandbox(const ProcessPrivileges& privileges,
                           const std::string& scratch = {});

// The one that `isolation` names ("auto": the best one). `kInvalidArgument`:
// there is none of that name; `kUnsupported`: it does not work here, with the
// step that failed; other errors say that nothing could be tried.
Result<SandboxChoice> ChooseSandbox(const ProcessPrivileges& privileges,
                                    std::string_view isolation,
                                    const std::string& scratch = {});

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_PROBE_SANDBOX_H_
