#include "tests/support/fault_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <thread>

#include "util/guarded.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::testing {
namespace {

constexpr size_t kBufferBytes = 64 << 10;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

// Closing then sends a reset instead of an orderly end.
void Reset(UniqueFd& fd) {
  linger at_once{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  fd.reset();
}

// Everything up to the blank line into `head`, what was read beyond into
// `rest`.
bool ReadHead(int fd, std::string& head, std::string& rest) {
  std::string bytes;
  char buffer[kBufferBytes];
  while (true) {
    size_t end = bytes.find("\r\n\r\n");
    if (end != std::string::npos) {
      head = bytes.substr(0, end + 4);
      rest = bytes.substr(end + 4);
      return true;
    }
    ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    bytes.append(buffer, static_cast<size_t>(count));
  }
}

std::map<std::string, std::string> ParseFields(std::string_view head) {
  std::map<std::string, std::string> fields;
  for (std::string_view line : Split(head, '\n')) {
    auto parts = SplitOnce(Trim(line), ':');
    if (parts) fields[ToLower(parts->first)] = Trim(parts->second);
  }
  return fields;
}

// `head` with `name` set to `value`, or without it where `value` is empty.
std::string WithField(std::string_view head, std::string_view name,
                      std::string_view value) {
  std::string changed;
  for (std::string_view line : Split(head, '\n')) {
    line = Trim(line);
    auto parts = SplitOnce(line, ':');
    if (line.empty() || (parts && EqualsIgnoreCase(parts->first, name))) {
      continue;
    }
    changed += std::string(line) + "\r\n";
  }
  if (!value.empty()) {
    changed += std::string(name) + ": " + std::string(value) + "\r\n";
  }
  return changed + "\r\n";
}

}  // namespace

std::string SeenRequest::Header(const std::string& name) const {
  auto it = headers.find(ToLower(name));
  return it == headers.end() ? "" : it->second;
}

class FaultProxy::Impl {
 public:
  explicit Impl(uint16_t upstream_port) : upstream_port_(upstream_port) {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = Loopback(0);
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address),
           sizeof address);
    ::listen(listener_.get(), 256);
    socklen_t length = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address),
                  &length);
    port_ = ntohs(address.sin_port);
    stop_.reset(::eventfd(0, EFD_CLOEXEC));
    acceptor_ = std::thread([this] { Accept(); });
  }

  ~Impl() {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = ::write(stop_.get(), &one, sizeof one);
    acceptor_.join();
    for (std::thread& thread : connections_) thread.join();
  }

  uint16_t port() const { return port_; }

  struct State {
    std::list<Fault> faults;
    std::vector<SeenRequest> seen;
    uint64_t forwarded_bytes = 0;
  };
  Guarded<State>& state() { return state_; }

 private:
  void Accept() {
    while (true) {
      pollfd fds[] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
      ::poll(fds, 2, -1);
      if (fds[1].revents != 0) return;
      int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      connections_.emplace_back([this, fd] { Serve(UniqueFd(fd)); });
    }
  }

  std::optional<Fault> TakeFault(const SeenRequest& request) {
    auto state = state_.lock();
    for (Fault& fault : state->faults) {
      bool matches = (fault.method.empty() || fault.method == request.method) &&
                     request.target.find(fault.path) != std::string::npos;
      if (!matches || fault.times == 0) continue;
      if (fault.skip > 0) {
        --fault.skip;
        continue;
      }
      if (fault.times > 0) --fault.times;
      return fault;
    }
    return {};
  }

  void Serve(UniqueFd client);
  bool ForwardBody(int client, int upstream, std::string_view read_already,
                   uint64_t length, std::optional<uint64_t> cut_after);
  void DrainBody(int client, uint64_t left);
  void WaitForEnd(int client);
  void Relay(UniqueFd client, int upstream, const std::string& method,
             const Fault& fault);

  const uint16_t upstream_port_;
  uint16_t port_ = 0;
  UniqueFd listener_;
  UniqueFd stop_;
  std::thread acceptor_;
  std::vector<std::thread> connections_;
  Guarded<State> state_;
};

void FaultProxy::Impl::Serve(UniqueFd client) {
  std::string head, rest;
  if (!ReadHead(client.get(), head, rest)) return;
  std::vector<std::string_view> words =
      Split(std::string_view(head).substr(0, head.find("\r\n")), ' ');
  if (words.size() < 3) return;
  SeenRequest request;
  request.method = words[0];
  request.target = words[1];
  request.headers = ParseFields(head);
  uint64_t length = ParseUint(request.Header("content-length")).value_or(0);
  request.body_bytes = length;
  state_.lock()->seen.push_back(request);
  Fault fault = TakeFault(request).value_or(Fault());

  if (fault.hang) return WaitForEnd(client.get());
  std::string answer = fault.respond ? fault.respond(request) : "";
  if (answer.empty() && upstream_port_ == 0) answer = Response(404);
  if (!answer.empty()) {
    DrainBody(client.get(), length - std::min<uint64_t>(length, rest.size()));
    SendAll(client.get(), answer);
    return;
  }

  UniqueFd upstream(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(upstream_port_);
  if (::connect(upstream.get(), reinterpret_cast<sockaddr*>(&address),
                sizeof address) != 0) {
    return Reset(client);
  }
  int on = 1;
  ::setsockopt(upstream.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (fault.cut_request_after == uint64_t{0}) return Reset(client);
  SendAll(upstream.get(), WithField(head, "Connection", "close"));
  if (!ForwardBody(client.get(), upstream.get(), rest, length,
                   fault.cut_request_after)) {
    Reset(upstream);
    return Reset(client);
  }
  Relay(std::move(client), upstream.get(), request.method, fault);
}

// False where the fault, or an end of either connection, cut it.
bool FaultProxy::Impl::ForwardBody(int client, int upstream,
                                   std::string_view read_already,
                                   uint64_t length,
                                   std::optional<uint64_t> cut_after) {
  uint64_t limit = std::min(length, cut_after.value_or(length));
  uint64_t sent = 0;
  auto pass = [&](std::string_view bytes) {
    bytes = bytes.substr(0, limit - sent);
    if (!SendAll(upstream, bytes)) return false;
    sent += bytes.size();
    state_.lock()->forwarded_bytes += bytes.size();
    return true;
  };
  if (!pass(read_already)) return false;
  char buffer[kBufferBytes];
  while (sent < limit) {
    ssize_t count = ::recv(client, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    if (!pass({buffer, static_cast<size_t>(count)})) return false;
  }
  return limit == length;
}

// Until the client gives up, or the proxy ends.
void FaultProxy::Impl::WaitForEnd(int client) {
  pollfd fds[] = {{client, POLLRDHUP, 0}, {stop_.get(), POLLIN, 0}};
  ::poll(fds, 2, -1);
}

void FaultProxy::Impl::DrainBody(int client, uint64_t left) {
  char buffer[kBufferBytes];
  while (left > 0) {
    ssize_t count =
        ::recv(client, buffer, std::min<uint64_t>(left, sizeof buffer), 0);
    if (count <= 0) return;
    left -= static_cast<uint64_t>(count);
  }
}

void FaultProxy::Impl::Relay(UniqueFd client, int upstream,
                             const std::string& method, const Fault& fault) {
  std::string head, rest;
  if (!ReadHead(upstream, head, rest)) return Reset(client);
  if (fault.swallow_response) return Reset(client);
  auto fields = ParseFields(head);
  uint64_t length = ParseUint(fields["content-length"]).value_or(0);
  if (method == "HEAD") length = 0;
  uint64_t limit = length - std::min(length, fault.shorten_response_by);
  if (limit != length) {
    head = WithField(head, "Content-Length", std::to_string(limit));
  }
  head = WithField(head, "Connection", "close");
  if (fault.edit_head) fault.edit_head(head);
  SendAll(client.get(), head);

  if (fault.cut_response_after)
    limit = std::min(limit, *fault.cut_response_after);
  uint64_t sent = 0;
  auto pass = [&](std::string bytes) {
    bytes.resize(std::min<uint64_t>(bytes.size(), limit - sent));
    if (fault.corrupt_response && sent == 0 && !bytes.empty()) bytes[0] ^= 1;
    sent += bytes.size();
    return SendAll(client.get(), bytes);
  };
  bool alive = pass(rest);
  char buffer[kBufferBytes];
  while (alive && sent < limit) {
    ssize_t count = ::recv(upstream, buffer, sizeof buffer, 0);
    if (count <= 0) break;
    alive = pass(std::string(buffer, static_cast<size_t>(count)));
  }
  // An orderly end, not a reset: a reset may overtake what was sent, and the
  // test could not tell how much arrives.
}

FaultProxy::FaultProxy(uint16_t upstream_port)
    : impl_(std::make_unique<Impl>(upstream_port)) {}
FaultProxy::~FaultProxy() = default;

uint16_t FaultProxy::port() const { return impl_->port(); }
std::string FaultProxy::authority() const {
  return "127.0.0.1:" + std::to_string(port());
}

void FaultProxy::Add(Fault fault) {
  impl_->state().lock()->faults.push_back(std::move(fault));
}

void FaultProxy::Clear() { impl_->state().lock()->faults.clear(); }

std::vector<SeenRequest> FaultProxy::Seen() const {
  return impl_->state().lock()->seen;
}

int FaultProxy::Count(std::string_view method, std::string_view path) const {
  auto state = impl_->state().lock();
  return static_cast<int>(
      std::ranges::count_if(state->seen, [&](const SeenRequest& request) {
        return request.method == method &&
               request.target.find(path) != std::string::npos;
      }));
}

uint64_t FaultProxy::forwarded_bytes() const {
  return impl_->state().lock()->forwarded_bytes;
}

std::string FaultProxy::Response(int status,
                                 const std::vector<std::string>& fields,
                                 std::string_view body) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " Scripted\r\n";
  for (const std::string& field : fields) text += field + "\r\n";
  text += "Connection: close\r\n";
  text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return text + std::string(body);
}

}  // namespace strake::testing
