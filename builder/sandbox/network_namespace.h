// A network namespace that several sandboxes share
// (`ProcessSpec::network_namespace`).

#ifndef STRAKE_BUILDER_SANDBOX_NETWORK_NAMESPACE_H_
#define STRAKE_BUILDER_SANDBOX_NETWORK_NAMESPACE_H_

#include <functional>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {

// A new one, with its loopback interface up; it lives as long as the
// descriptor, or a process in it. Belongs to the user namespace that this
// process is in. `kUnsupported` where the kernel makes none.
Result<UniqueFd> MakeNetworkNamespace();

// Runs `work` in a thread that is in `network`, to its end.
Status RunInNetwork(int network, const std::function<Status()>& work);
// Brings the calling thread there.
Status EnterNetwork(int network);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_NETWORK_NAMESPACE_H_
