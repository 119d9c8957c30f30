#include "registry/server_channel.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string_view>
#include <utility>

#include "util/block_sigpipe.h"
#include "util/c_handle.h"

namespace strake::registry {
namespace {

using State = ServerChannel::State;
using Outcome = ServerChannel::Outcome;

using SslCtx = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, FreeWith<SSL_free>>;

constexpr std::string_view kPlainAnswer =
    "HTTP/1.0 400 Bad Request\r\nConnection: close\r\n"
    "Content-Type: text/plain\r\n\r\n"
    "Client sent an HTTP request to an HTTPS server.\n";

class PlainChannel final : public ServerChannel {
 public:
  explicit PlainChannel(UniqueFd fd) : fd_(std::move(fd)) {}

  Outcome Read(std::span<char> buffer) override {
    return OutcomeOf(Retried([&] {
                       return ::recv(fd_.get(), buffer.data(), buffer.size(),
                                     MSG_DONTWAIT);
                     }),
                     State::kWantsRead);
  }
  Outcome Write(std::span<const char> data) override {
    return OutcomeOf(Retried([&] {
                       return ::send(fd_.get(), data.data(), data.size(),
                                     MSG_NOSIGNAL | MSG_DONTWAIT);
                     }),
                     State::kWantsWrite);
  }
  bool HasPending() const override { return false; }
  void End() override { ::shutdown(fd_.get(), SHUT_WR); }
  int fd() const override { return fd_.get(); }

 private:
  template <typename Call>
  static ssize_t Retried(Call call) {
    ssize_t count;
    do {
      count = call();
    } while (count < 0 && errno == EINTR);
    return count;
  }
  static Outcome OutcomeOf(ssize_t count, State wait) {
    if (count > 0) return {State::kDone, static_cast<size_t>(count)};
    if (count == 0) return {State::kEnded, 0};
    bool again = errno == EAGAIN || errno == EWOULDBLOCK;
    return {again ? wait : State::kFailed, 0};
  }

  UniqueFd fd_;
};

class TlsChannel final : public ServerChannel {
 public:
  TlsChannel(UniqueFd fd, Ssl ssl) : fd_(std::move(fd)), ssl_(std::move(ssl)) {
    ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
  }

  Outcome Read(std::span<char> buffer) override {
    BlockSigpipe block;  // also a read may write: the handshake does
    ERR_clear_error();
    int count = SSL_read(ssl_.get(), buffer.data(), Length(buffer.size()));
    Outcome outcome = OutcomeOf(count);
    if (outcome.state == State::kFailed && SpokePlainHttp()) {
      static_cast<void>(::send(fd_.get(), kPlainAnswer.data(),
                               kPlainAnswer.size(), MSG_NOSIGNAL));
    }
    return outcome;
  }
  Outcome Write(std::span<const char> data) override {
    BlockSigpipe block;
    ERR_clear_error();
    return OutcomeOf(SSL_write(ssl_.get(), data.data(), Length(data.size())));
  }
  bool HasPending() const override { return SSL_has_pending(ssl_.get()) == 1; }
  void End() override {
    BlockSigpipe block;
    ERR_clear_error();
    // After a failure OpenSSL forbids it.
    if (!failed_ && SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
    ::shutdown(fd_.get(), SHUT_WR);
  }
  int fd() const override { return fd_.get(); }

 private:
  static int Length(size_t size) {
    return static_cast<int>(std::min<size_t>(size, INT_MAX));
  }
  static bool SpokePlainHttp() {
    return ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
  }
  Outcome OutcomeOf(int count) {
    if (count > 0) return {State::kDone, static_cast<size_t>(count)};
    switch (SSL_get_error(ssl_.get(), count)) {
      case SSL_ERROR_WANT_READ:
        return {State::kWantsRead, 0};
      case SSL_ERROR_WANT_WRITE:
        return {State::kWantsWrite, 0};
      case SSL_ERROR_ZERO_RETURN:
        return {State::kEnded, 0};
      default:
        failed_ = true;
        return {State::kFailed, 0};
    }
  }

  UniqueFd fd_;
  Ssl ssl_;
  bool failed_ = false;
};

Error TlsError(const std::string& what) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return InvalidArgument(what + ": " + (reason ? reason : "not readable"));
}

}  // namespace

std::unique_ptr<ServerChannel> MakePlainChannel(UniqueFd connection) {
  return std::make_unique<PlainChannel>(std::move(connection));
}

struct TlsAcceptor::Context {
  SslCtx ctx;
};

TlsAcceptor::TlsAcceptor(std::unique_ptr<Context> context)
    : context_(std::move(context)) {}
TlsAcceptor::~TlsAcceptor() = default;

Result<std::unique_ptr<TlsAcceptor>> TlsAcceptor::Load(
    const std::string& certificate_file, const std::string& key_file) {
  ERR_clear_error();
  auto context = std::make_unique<Context>();
  context->ctx.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* ctx = context->ctx.get();
  if (ctx == nullptr) return TlsError("TLS");
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_use_certificate_chain_file(ctx, certificate_file.c_str()) != 1) {
    return TlsError("certificate " + certificate_file);
  }
  if (SSL_CTX_use_PrivateKey_file(ctx, key_file.c_str(), SSL_FILETYPE_PEM) !=
          1 ||
      SSL_CTX_check_private_key(ctx) != 1) {
    return TlsError("key " + key_file + " for certificate " + certificate_file);
  }
  return std::unique_ptr<TlsAcceptor>(new TlsAcceptor(std::move(context)));
}

std::unique_ptr<ServerChannel> TlsAcceptor::Accept(UniqueFd connection) const {
  Ssl ssl(SSL_new(context_->ctx.get()));
  if (!ssl || SSL_set_fd(ssl.get(), connection.get()) != 1) return nullptr;
  SSL_set_accept_state(ssl.get());
  return std::make_unique<TlsChannel>(std::move(connection), std::move(ssl));
}

}  // namespace strake::registry
