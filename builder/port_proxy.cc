// One thread that is in the network of the run: what it makes of sockets is
// there, while the listening one, made before, stays where it was made.

#include "builder/port_proxy.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <list>
#include <utility>
#include <vector>

#include "builder/sandbox/network_namespace.h"
#include "util/c_handle.h"
#include "util/result_macros.h"
#include "util/thread.h"

namespace strake::builder {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;

// One direction of a connection.
struct Flow {
  std::vector<char> held;
  size_t sent = 0;
  bool ended = false;   // nothing more comes
  bool closed = false;  // the receiver knows that

  bool is_empty() const { return sent == held.size(); }

  // Moves what can be moved now; false: a socket is broken.
  bool Move(int from, int to) {
    if (is_empty() && !ended && !Fill(from)) return false;
    while (!is_empty()) {
      const ssize_t n = send(to, held.data() + sent, held.size() - sent,
                             MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0) return errno == EAGAIN || errno == EINTR;
      sent += static_cast<size_t>(n);
    }
    if (ended && !closed) {
      shutdown(to, SHUT_WR);
      closed = true;
    }
    return true;
  }

 private:
  bool Fill(int from) {
    held.resize(kBufferBytes);
    const ssize_t n = recv(from, held.data(), held.size(), MSG_DONTWAIT);
    const int error = errno;
    held.resize(n > 0 ? static_cast<size_t>(n) : 0);
    sent = 0;
    if (n == 0) ended = true;
    return n >= 0 || error == EAGAIN || error == EINTR;
  }
};

// A server on a loopback interface answers at once, or has too much to do.
bool IsConnected(int socket) {
  constexpr int kPatienceMs = 1000;
  pollfd polled = {.fd = socket, .events = POLLOUT, .revents = 0};
  if (poll(&polled, 1, kPatienceMs) != 1) return false;
  int error = 0;
  socklen_t size = sizeof(error);
  return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
         error == 0;
}

// A socket that is connected to `port` of the loopback interface; none: nobody
// is there.
UniqueFd ConnectTo(int family, uint16_t port) {
  UniqueFd made(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made) return made;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  const bool is_v4 = family == AF_INET;
  const auto* address = is_v4 ? reinterpret_cast<const sockaddr*>(&v4)
                              : reinterpret_cast<const sockaddr*>(&v6);
  if (connect(made.get(), address, is_v4 ? sizeof(v4) : sizeof(v6)) != 0 &&
      (errno != EINPROGRESS || !IsConnected(made.get()))) {
    made.reset();
  }
  return made;
}

struct Connection {
  UniqueFd client;
  UniqueFd server;
  Flow up;
  Flow down;

  bool Move() {
    return up.Move(client.get(), server.get()) &&
           down.Move(server.get(), client.get()) && !(up.closed && down.closed);
  }
};

class Proxying {
 public:
  Proxying(UniqueFd listener, int stop, uint16_t port)
      : listener_(std::move(listener)), stop_(stop), port_(port) {}

  void Run() {
    while (true) {
      std::vector<pollfd> polled = {
          {.fd = stop_, .events = POLLIN, .revents = 0},
          {.fd = listener_.get(), .events = POLLIN, .revents = 0}};
      for (const Connection& connection : connections_) {
        polled.push_back(
            Wanted(connection.client, connection.up, connection.down));
        polled.push_back(
            Wanted(connection.server, connection.down, connection.up));
      }
      if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
      if (polled[0].revents != 0) return;
      std::erase_if(connections_, [](Connection& c) { return !c.Move(); });
      if (polled[1].revents != 0) Accept();
    }
  }

 private:
  // What to wait for at the socket that `out` comes from and `in` goes to.
  static pollfd Wanted(const UniqueFd& socket, const Flow& out,
                       const Flow& in) {
    int events = 0;
    if (!out.ended && out.is_empty()) events |= POLLIN;
    if (!in.is_empty()) events |= POLLOUT;
    // Without any, a socket that was reset would be reported for ever.
    return {.fd = events != 0 ? socket.get() : -1,
            .events = static_cast<short>(events),
            .revents = 0};
  }

  void Accept() {
    UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) return;
    UniqueFd server = ConnectTo(AF_INET, port_);
    if (!server) server = ConnectTo(AF_INET6, port_);
    if (!server) return;  // as nobody listens there
    Connection& made = connections_.emplace_back();
    made.client = std::move(client);
    made.server = std::move(server);
  }

  const UniqueFd listener_;
  const int stop_;
  const uint16_t port_;
  std::list<Connection> connections_;
};

using Addresses = std::unique_ptr<addrinfo, FreeWith<freeaddrinfo>>;

Result<UniqueFd> Listen(const PublishSpec& spec) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(spec.host_port);
  const std::string where = spec.host_address + ":" + port;
  const int failed =
      getaddrinfo(spec.host_address.c_str(), port.c_str(), &hints, &found);
  if (failed != 0) {
    return InvalidArgument("publish at " + where + ": " + gai_strerror(failed));
  }
  const Addresses address(found);
  UniqueFd made(socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!made) return ErrnoError("socket for " + where);
  const int yes = 1;
  setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (bind(made.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      listen(made.get(), SOMAXCONN) != 0) {
    return Error(ErrorCode::kUnavailable,
                 "publish at " + where + ": " + std::strerror(errno));
  }
  return made;
}

Result<uint16_t> PortOf(int socket) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return ErrnoError("getsockname");
  }
  return ntohs(bound.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
}

}  // namespace

Result<std::unique_ptr<PublishedPort>> PortProxy::Start(const PublishSpec& spec,
                                                        int network) {
  ASSIGN_OR_RETURN(UniqueFd listener, Listen(spec));
  ASSIGN_OR_RETURN(const uint16_t port, PortOf(listener.get()));
  UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop) return ErrnoError("eventfd");
  UniqueFd inside;
  if (network >= 0) {
    ASSIGN_OR_RETURN(inside, DuplicateFd(network));
  }
  auto proxy = std::make_unique<PortProxy>(
      spec.host_address + ":" + std::to_string(port), std::move(stop));
  ASSIGN_OR_RETURN(
      proxy->thread_,
      StartThread([listener = std::move(listener), inside = std::move(inside),
                   stop = proxy->stop_.get(),
                   target = spec.container_port]() mutable {
        if (inside && !sandbox::EnterNetwork(inside.get())) return;
        Proxying(std::move(listener), stop, target).Run();
      }));
  return std::unique_ptr<PublishedPort>(std::move(proxy));
}

PortProxy::~PortProxy() {
  eventfd_write(stop_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

}  // namespace strake::builder
