#include "builder/sandbox/network_namespace.h"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "builder/sandbox/network.h"
#include "util/result_macros.h"
#include "util/thread.h"

namespace strake::builder::sandbox {
namespace {

Result<UniqueFd> MakeHere() {
  if (unshare(CLONE_NEWNET) != 0) {
    return Unsupported(std::string("unshare of the network namespace: ") +
                       std::strerror(errno));
  }
  RETURN_IF_ERROR(BringLoopbackUp());
  return OpenFile("/proc/thread-self/ns/net", O_RDONLY);
}

}  // namespace

Result<UniqueFd> MakeNetworkNamespace() {
  Result<UniqueFd> made = UniqueFd();
  RETURN_IF_ERROR(RunInThread([&] { made = MakeHere(); }));
  return made;
}

Status EnterNetwork(int network) {
  if (setns(network, CLONE_NEWNET) == 0) return {};
  return ErrnoError("enter a network namespace");
}

Status RunInNetwork(int network, const std::function<Status()>& work) {
  Status done;
  RETURN_IF_ERROR(RunInThread([&] {
    done = EnterNetwork(network);
    if (done) done = work();
  }));
  return done;
}

}  // namespace strake::builder::sandbox
