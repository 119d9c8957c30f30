// Passes TCP connections on from one network to another.

#ifndef STRAKE_BUILDER_PORT_PROXY_H_
#define STRAKE_BUILDER_PORT_PROXY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "builder/containers.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder {

class PortProxy final : public PublishedPort {
 public:
  // Listens where `spec` says in the network of this process, and connects to
  // the loopback interface of `network` (a namespace, borrowed; -1: this
  // process's, too).
  static Result<std::unique_ptr<PublishedPort>> Start(const PublishSpec& spec,
                                                      int network);

  PortProxy(std::string address, UniqueFd stop)
      : address_(std::move(address)), stop_(std::move(stop)) {}
  PortProxy(const PortProxy&) = delete;
  PortProxy& operator=(const PortProxy&) = delete;
  ~PortProxy() override;

  std::string address() const override { return address_; }

 private:
  std::string address_;
  UniqueFd stop_;  // an eventfd
  std::thread thread_;
};

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_PORT_PROXY_H_
