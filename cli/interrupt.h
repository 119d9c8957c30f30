// Ctrl-C and SIGTERM as a `std::stop_token`.
//
// The first signal requests a stop, so that processes are ended, mounts undone
// and half-written files removed; the second ends the program on the spot.
// Other programs that we start get default signal handling: handlers, unlike
// masks and ignored signals, do not survive `exec`.

#ifndef STRAKE_CLI_INTERRUPT_H_
#define STRAKE_CLI_INTERRUPT_H_

#include <stop_token>
#include <thread>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::cli {

// One per process: it starts a thread, so only once no further user namespace
// is to be entered.
class Interrupt {
 public:
  Interrupt() = default;
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  // Installs the handlers for SIGINT, SIGTERM and SIGHUP; SIGPIPE becomes an
  // EPIPE.
  Status Install();

  std::stop_token token() const { return source_.get_token(); }
  // The signal that came, or 0.
  int signal() const;
  // Returns when a stop has been requested.
  void Wait();

 private:
  std::stop_source source_;
  Pipe pipe_;
  std::thread listener_;
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_INTERRUPT_H_
