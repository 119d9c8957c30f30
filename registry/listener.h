// Accepts TCP connections and gives each to a thread.
//
// A thread a connection, made when all others are busy: clients keep idle
// connections, and any fixed number of threads would let them lock others out.

#ifndef STRAKE_REGISTRY_LISTENER_H_
#define STRAKE_REGISTRY_LISTENER_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::registry {

class Listener {
 public:
  // Serves one connection to its end. `stop` (borrowed) becomes readable when
  // the listener stops: nothing may be waited for much longer then.
  using Serve = std::function<void(UniqueFd connection, int stop)>;

  // Listens on `address` (an IP address or a name) and `port` (0: any).
  // Errors: `kIo` with the reason.
  static Result<std::unique_ptr<Listener>> Start(const std::string& address,
                                                 uint16_t port, Serve serve);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { Stop(); }

  uint16_t port() const { return port_; }

  // Accepts nothing more and returns when every `serve` has. Idempotent; not
  // from within `serve`.
  void Stop();

 private:
  Listener(UniqueFd socket, UniqueFd stop, uint16_t port, Serve serve);
  void Accept();
  void Enqueue(UniqueFd connection);
  void Work();

  UniqueFd socket_;
  UniqueFd stop_;
  const uint16_t port_;
  const Serve serve_;
  std::once_flag stopped_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<UniqueFd> waiting_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool ending_ = false;

  std::thread acceptor_;  // last: it uses all of the above
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_LISTENER_H_
