// What a sandbox sees of the network: its names, its resolver, its loopback.

#ifndef STRAKE_BUILDER_SANDBOX_NETWORK_H_
#define STRAKE_BUILDER_SANDBOX_NETWORK_H_

#include <string>

#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// The content of /etc/hosts: localhost, the sandbox's own name (`hostname`, or
// the host's where that is empty), `spec.extra_hosts` in order.
std::string HostsFile(const ProcessSpec& spec);

// The content of /etc/resolv.conf: `spec`'s, else the host's, as the network is
// the host's (a resolver on the host's loopback is reachable); empty without a
// network or where the host has none.
std::string ResolvConf(const ProcessSpec& spec);

// Brings up "lo" in the network namespace of the calling thread.
Status BringLoopbackUp();

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_NETWORK_H_
