// Carries a child's output to a callback, and its reports to another, until it
// is gone.

#ifndef STRAKE_BUILDER_SANDBOX_OUTPUT_PUMP_H_
#define STRAKE_BUILDER_SANDBOX_OUTPUT_PUMP_H_

#include <functional>

#include "builder/sandbox/child.h"
#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// Borrowed descriptors; -1: not there.
struct PumpSources {
  int stdout_pipe = -1;
  int stderr_pipe = -1;
  int channel = -1;  // packets of `ChildReport`
  int pidfd = -1;    // of the child: readable once it has exited
};

// Returns when the child has exited and everything that was written before is
// delivered; a descriptor of a pipe that somebody else still holds open delays
// nothing. At most 64 KiB are held; a callback that blocks blocks the child.
// The pipes become non-blocking.
Status PumpOutput(const PumpSources& sources, const OutputCallback& on_output,
                  const std::function<void(const ChildReport&)>& on_report);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_OUTPUT_PUMP_H_
