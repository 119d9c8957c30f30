#include "builder/run_network.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <string_view>

#include "builder/sandbox/network.h"
#include "builder/sandbox/network_namespace.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::builder {
namespace {

// The host's resolv.conf with another resolver: search lists and options stay.
std::string WithNameserver(const std::string& nameserver) {
  std::string text = "nameserver " + nameserver + "\n";
  const std::string host = sandbox::ResolvConf(sandbox::ProcessSpec());
  for (std::string_view line : Split(host, '\n')) {
    if (line.starts_with("search ") || line.starts_with("options ") ||
        line.starts_with("domain ")) {
      text += std::string(line) + "\n";
    }
  }
  return text;
}

// Found out by trying: a root of a user namespace is none there.
bool MayListenOnLowPorts() {
  const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(1023);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return !probe ||
         ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&address),
                sizeof address) == 0 ||
         errno != EACCES;
}

}  // namespace

Result<SharedNetwork> SharedNetwork::Make(const ContainersOptions& options,
                                          const sandbox::Sandbox& sandbox) {
  if (!sandbox.joins_networks()) {
    return Unsupported("isolation " + std::string(sandbox.name()) +
                       " gives a process no network of its own");
  }
  SharedNetwork network(RunNetwork::kShared, "");
  ASSIGN_OR_RETURN(network.namespace_, sandbox::MakeNetworkNamespace());
  auto outside = sandbox::OutsideNetwork::Connect(network.fd(), options.path);
  if (outside) {
    network.note_ =
        "one for all containers of the run, connected by " + outside->program();
    network.resolv_conf_ = WithNameserver(outside->nameserver());
    network.outside_ = *std::move(outside);
    return network;
  }
  if (options.network == RunNetwork::kAuto) return std::move(outside).error();
  network.note_ = "one for all containers of the run, without a way out (" +
                  outside.error().message() + ")";
  return network;
}

Result<SharedNetwork> SharedNetwork::Open(const ContainersOptions& options,
                                          const sandbox::Sandbox& sandbox) {
  switch (options.network) {
    case RunNetwork::kHost:
      return SharedNetwork(RunNetwork::kHost, "the host's");
    case RunNetwork::kNone:
      return SharedNetwork(RunNetwork::kNone, "none");
    case RunNetwork::kAuto:
    case RunNetwork::kShared:
      break;
  }
  auto shared = Make(options, sandbox);
  if (shared) return shared;
  if (options.network == RunNetwork::kShared) {
    return std::move(shared).error().Wrap("a network of the run's own");
  }
  std::string note = "the host's, as none of the run's own can be had (" +
                     shared.error().message() + ")";
  if (!MayListenOnLowPorts()) {
    note += "; no port below 1024 can be listened on there but by root";
  }
  return SharedNetwork(RunNetwork::kHost, std::move(note));
}

void SharedNetwork::Join(sandbox::ProcessSpec& process) const {
  if (form_ == RunNetwork::kNone) process.network = sandbox::Network::kNone;
  if (form_ != RunNetwork::kShared) return;
  process.network_namespace = fd();
  process.resolv_conf = resolv_conf_;
}

}  // namespace strake::builder
