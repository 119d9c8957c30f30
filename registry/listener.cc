#include "registry/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "util/c_handle.h"
#include "util/result_macros.h"
#include "util/thread.h"

namespace strake::registry {
namespace {

using AddressList = std::unique_ptr<addrinfo, FreeWith<freeaddrinfo>>;

constexpr int kBacklog = 512;
constexpr size_t kMaxConnections = 1024;
// After which `accept` is tried again where descriptors have run out.
constexpr int kExhaustedPauseMs = 50;

Result<AddressList> Resolve(const std::string& address, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  int error = ::getaddrinfo(address.empty() ? nullptr : address.c_str(),
                            std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return IoError(::gai_strerror(error));
  return AddressList(found);
}

Result<UniqueFd> ListenOn(const addrinfo& address) {
  UniqueFd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return ErrnoError("socket");
  int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0) {
    return ErrnoError("bind");
  }
  if (::listen(fd.get(), kBacklog) != 0) return ErrnoError("listen");
  return fd;
}

uint16_t LocalPort(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                   : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::Start(const std::string& address,
                                                  uint16_t port, Serve serve) {
  auto fail = [&](Error error) {
    return IoError("listen on " + address + " port " + std::to_string(port) +
                   ": " + error.message());
  };
  auto addresses = Resolve(address, port);
  if (!addresses) return fail(std::move(addresses).error());
  auto socket = ListenOn(**addresses);
  if (!socket) return fail(std::move(socket).error());
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop) return fail(ErrnoError("eventfd"));
  uint16_t actual_port = LocalPort(socket->get());
  return std::unique_ptr<Listener>(new Listener(
      std::move(*socket), std::move(stop), actual_port, std::move(serve)));
}

Listener::Listener(UniqueFd socket, UniqueFd stop, uint16_t port, Serve serve)
    : socket_(std::move(socket)),
      stop_(std::move(stop)),
      port_(port),
      serve_(std::move(serve)),
      acceptor_([this] { Accept(); }) {}

void Listener::Accept() {
  while (true) {
    pollfd fds[] = {{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    ::poll(fds, 2, -1);
    if (fds[1].revents != 0) return;
    UniqueFd connection(
        ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection) {
      int on = 1;
      ::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      Enqueue(std::move(connection));
    } else if (errno == EMFILE || errno == ENFILE) {
      pollfd wait[] = {{stop_.get(), POLLIN, 0}};
      ::poll(wait, 1, kExhaustedPauseMs);
    }
  }
}

void Listener::Enqueue(UniqueFd connection) {
  std::unique_lock lock(mutex_);
  waiting_.push_back(std::move(connection));
  if (waiting_.size() > idle_ && threads_.size() < kMaxConnections) {
    auto thread = StartThread([this] { Work(); });
    if (thread) {
      threads_.push_back(*std::move(thread));
    } else if (threads_.empty()) {
      waiting_.clear();  // nobody will ever serve it
    }
  }
  changed_.notify_one();
}

void Listener::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
    --idle_;
    if (waiting_.empty()) return;
    UniqueFd connection = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    serve_(std::move(connection), stop_.get());
    lock.lock();
  }
}

void Listener::Stop() {
  std::call_once(stopped_, [this] {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = ::write(stop_.get(), &one, sizeof one);
    acceptor_.join();
    socket_.reset();
    {
      std::unique_lock lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  });
}

}  // namespace strake::registry
