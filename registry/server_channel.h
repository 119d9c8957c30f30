// An accepted connection as the server sees it, plain or TLS. Nothing here
// waits: who has to, polls the descriptor.

#ifndef STRAKE_REGISTRY_SERVER_CHANNEL_H_
#define STRAKE_REGISTRY_SERVER_CHANNEL_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::registry {

// Not thread-safe.
class ServerChannel {
 public:
  enum class State {
    kDone,        // `bytes` were moved, one at least
    kWantsRead,   // try again, with the same data, when it can be read
    kWantsWrite,  // likewise, when it can be written
    kEnded,       // the other side has said that no more comes
    kFailed,
  };
  struct Outcome {
    State state = State::kFailed;
    size_t bytes = 0;
  };

  virtual ~ServerChannel() = default;
  virtual Outcome Read(std::span<char> buffer) = 0;
  virtual Outcome Write(std::span<const char> data) = 0;
  // Whether bytes have been received that a poll knows nothing of.
  virtual bool HasPending() const = 0;
  // Says to the other side that no more comes.
  virtual void End() = 0;
  virtual int fd() const = 0;
};

std::unique_ptr<ServerChannel> MakePlainChannel(UniqueFd connection);

// Makes TLS (1.2 or later) of connections. Thread-safe.
class TlsAcceptor {
 public:
  // Files in PEM: the certificate with those between it and the authority, and
  // its key. `kInvalidArgument` says what is wrong with them.
  static Result<std::unique_ptr<TlsAcceptor>> Load(
      const std::string& certificate_file, const std::string& key_file);
  TlsAcceptor(const TlsAcceptor&) = delete;
  TlsAcceptor& operator=(const TlsAcceptor&) = delete;
  ~TlsAcceptor();

  // The handshake happens with the first read. Who speaks plain HTTP is told
  // so, as other servers do, since clients go by that.
  std::unique_ptr<ServerChannel> Accept(UniqueFd connection) const;

 private:
  struct Context;
  explicit TlsAcceptor(std::unique_ptr<Context> context);
  std::unique_ptr<Context> context_;
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_SERVER_CHANNEL_H_
