// A way out for a network namespace: slirp4netns(1) or pasta(1), whichever is
// there and works. Both need no privilege but /dev/net/tun: they pass the
// traffic on through sockets of their own.

#ifndef STRAKE_BUILDER_SANDBOX_OUTSIDE_NETWORK_H_
#define STRAKE_BUILDER_SANDBOX_OUTSIDE_NETWORK_H_

#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {

// A program that runs for as long as this object; gone, too, where this process
// is killed.
class OutsideNetwork {
 public:
  // Connects `network`, with the first program found in the folders of `path`
  // (as $PATH) that works. `kUnsupported` says of each why not.
  static Result<OutsideNetwork> Connect(int network, std::string_view path);

  OutsideNetwork(OutsideNetwork&& other) noexcept;
  OutsideNetwork& operator=(OutsideNetwork&& other) noexcept;
  ~OutsideNetwork() { End(); }

  const std::string& program() const { return program_; }
  // Where, inside, the host's resolver answers.
  const std::string& nameserver() const { return nameserver_; }

 private:
  struct Connector;
  static const std::vector<Connector>& Connectors();
  static Result<OutsideNetwork> Start(const std::string& program,
                                      const Connector& connector, int network);

  OutsideNetwork() = default;
  void End();

  std::string program_;
  std::string nameserver_;
  int guard_ = -1;  // its process id; -1: none
  UniqueFd pidfd_;
  UniqueFd alive_;  // the guard ends when this is closed
};

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_OUTSIDE_NETWORK_H_
