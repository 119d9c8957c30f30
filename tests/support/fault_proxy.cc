#include "tests/support/fault_proxy.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
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

// The same once everything that was sent has arrived, which a reset would
// otherwise overtake: nobody could tell how much the other side has.
void ResetAfterArrival(UniqueFd& fd) {
  int unacknowledged = 1;
  for (int i = 0; i < 2000 && unacknowledged > 0; ++i) {
    if (::ioctl(fd.get(), SIOCOUTQ, &unacknowledged) != 0) break;
    if (unacknowledged > 0) ::poll(nullptr, 0, 1);
  }
  Reset(fd);
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
    uint64_t received_bytes = 0;
    uint64_t returned_bytes = 0;
    uint64_t cut_every = 0;  // 0: never
    uint64_t next_cut_at = 0;
    int cuts = 0;
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
  // What became of a request's body.
  enum class Passed { kAll, kCut, kStalled };
  Passed ForwardBody(int client, int upstream, std::string read_already,
                     uint64_t length, const Fault& fault);
  uint64_t Allowance(uint64_t wanted);
  void DrainBody(int client, uint64_t read_already, uint64_t length);
  void WaitForEnd(int client);
  void DrainToEnd(int client);
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
    DrainBody(client.get(), rest.size(), length);
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
  switch (ForwardBody(client.get(), upstream.get(), rest, length, fault)) {
    case Passed::kAll:
      return Relay(std::move(client), upstream.get(), request.method, fault);
    case Passed::kCut:
      ResetAfterArrival(upstream);
      return Reset(client);
    case Passed::kStalled:
      DrainToEnd(client.get());
      return ResetAfterArrival(upstream);
  }
}

// How many of `wanted` further bytes may pass before the next cut; 0: cut now.
uint64_t FaultProxy::Impl::Allowance(uint64_t wanted) {
  auto state = state_.lock();
  if (state->cut_every == 0) return wanted;
  uint64_t left = state->next_cut_at - state->forwarded_bytes;
  if (left > 0) return std::min(wanted, left);
  state->next_cut_at += state->cut_every;
  ++state->cuts;
  return 0;
}

FaultProxy::Impl::Passed FaultProxy::Impl::ForwardBody(int client, int upstream,
                                                       std::string read_already,
                                                       uint64_t length,
                                                       const Fault& fault) {
  uint64_t limit = length;
  for (auto after : {fault.cut_request_after, fault.stall_request_after}) {
    limit = std::min(limit, after.value_or(length));
  }
  uint64_t sent = 0;
  auto pass = [&](std::string bytes) {
    state_.lock()->received_bytes += bytes.size();
    bytes.resize(std::min<uint64_t>(bytes.size(), limit - sent));
    if (fault.corrupt_request && sent == 0 && !bytes.empty()) bytes[0] ^= 1;
    std::string_view left = bytes;
    while (!left.empty()) {
      uint64_t now = Allowance(left.size());
      if (now == 0 || !SendAll(upstream, left.substr(0, now))) return false;
      sent += now;
      state_.lock()->forwarded_bytes += now;
      left.remove_prefix(now);
    }
    return true;
  };
  if (!pass(std::move(read_already))) return Passed::kCut;
  char buffer[kBufferBytes];
  while (sent < limit) {
    ssize_t count = ::recv(client, buffer, sizeof buffer, 0);
    if (count <= 0) return Passed::kCut;
    if (!pass({buffer, static_cast<size_t>(count)})) return Passed::kCut;
  }
  if (limit == length) return Passed::kAll;
  return fault.stall_request_after ? Passed::kStalled : Passed::kCut;
}

// Until the client gives up, or the proxy ends.
void FaultProxy::Impl::WaitForEnd(int client) {
  pollfd fds[] = {{client, POLLRDHUP, 0}, {stop_.get(), POLLIN, 0}};
  ::poll(fds, 2, -1);
}

// The same of a client that has more to send, and ends behind that only.
void FaultProxy::Impl::DrainToEnd(int client) {
  pollfd fds[] = {{client, POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  char buffer[kBufferBytes];
  while (::poll(fds, 2, -1) > 0 && fds[1].revents == 0) {
    if (::recv(client, buffer, sizeof buffer, 0) <= 0) return;
  }
}

void FaultProxy::Impl::DrainBody(int client, uint64_t read_already,
                                 uint64_t length) {
  uint64_t received = std::min(length, read_already);
  char buffer[kBufferBytes];
  while (received < length) {
    ssize_t count =
        ::recv(client, buffer,
               std::min<uint64_t>(length - received, sizeof buffer), 0);
    if (count <= 0) break;
    received += static_cast<uint64_t>(count);
  }
  state_.lock()->received_bytes += received;
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

  bool counts = head.find(" 20") == head.find(' ');
  for (auto after : {fault.cut_response_after, fault.reset_response_after,
                     fault.stall_response_after}) {
    limit = std::min(limit, after.value_or(limit));
  }
  uint64_t sent = 0;
  auto pass = [&](std::string bytes) {
    bytes.resize(std::min<uint64_t>(bytes.size(), limit - sent));
    if (fault.corrupt_response && sent == 0 && !bytes.empty()) bytes[0] ^= 1;
    sent += bytes.size();
    if (counts) state_.lock()->returned_bytes += bytes.size();
    return SendAll(client.get(), bytes);
  };
  bool alive = pass(rest);
  char buffer[kBufferBytes];
  while (alive && sent < limit) {
    ssize_t count = ::recv(upstream, buffer, sizeof buffer, 0);
    if (count <= 0) break;
    alive = pass(std::string(buffer, static_cast<size_t>(count)));
  }
  if (fault.reset_response_after) return ResetAfterArrival(client);
  if (fault.stall_response_after) WaitForEnd(client.get());
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

void FaultProxy::CutUploadsEvery(uint64_t bytes) {
  auto state = impl_->state().lock();
  state->cut_every = bytes;
  state->next_cut_at = state->forwarded_bytes + bytes;
}

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

uint64_t FaultProxy::received_bytes() const {
  return impl_->state().lock()->received_bytes;
}

uint64_t FaultProxy::returned_bytes() const {
  return impl_->state().lock()->returned_bytes;
}

int FaultProxy::cuts() const { return impl_->state().lock()->cuts; }

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
