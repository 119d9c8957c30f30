// Waits for a network to get a way out.

#ifndef STRAKE_BUILDER_SANDBOX_ROUTE_WATCH_H_
#define STRAKE_BUILDER_SANDBOX_ROUTE_WATCH_H_

#include <chrono>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {

class RouteWatch {
 public:
  // Sees all routes that are made in `network` from now on.
  static Result<RouteWatch> Start(int network);

  // Waits until there is a default route. False: `process` (a pidfd) has ended
  // before, or it took longer than `limit`.
  Result<bool> WaitForDefault(int process, std::chrono::milliseconds limit);

 private:
  explicit RouteWatch(UniqueFd socket) : socket_(std::move(socket)) {}
  Result<bool> ReadMessages();

  UniqueFd socket_;  // rtnetlink(7)
};

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_ROUTE_WATCH_H_
