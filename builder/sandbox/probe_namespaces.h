// Whether this process can make the namespaces and mounts of a
// `NamespaceSandbox`.

#ifndef STRAKE_BUILDER_SANDBOX_PROBE_NAMESPACES_H_
#define STRAKE_BUILDER_SANDBOX_PROBE_NAMESPACES_H_

#include "util/result.h"

namespace strake::builder::sandbox {

// Does what a `NamespaceSandbox` does, in a child, once per process; about a
// millisecond. `kUnsupported` says which step failed, and with what. Safe to
// call from any thread.
Status ProbeNamespaces();

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_PROBE_NAMESPACES_H_
