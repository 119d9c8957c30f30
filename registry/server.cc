// HTTP for `ServerApi`, by cpp-httplib 0.11.
//
// Of cpp-httplib we use what reads requests and writes answers, with a stream
// and a listener of our own: its own listener cannot be stopped while clients
// keep idle connections, serves a fixed number of them, and reads in 4 KiB
// pieces. Two more of its habits need care. It decides by the method alone
// whether a body follows, and waits for one that a DELETE never sends: so
// everything without a body is answered before its routing. And it does not
// notice when a handler leaves part of a body unread, which would then be taken
// for the next request: so a body is always read to its end, or the connection
// ended.

#include "registry/server.h"

#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <vector>

#include "registry/htpasswd.h"
#include "registry/listener.h"
#include "registry/pull_through.h"
#include "registry/server_api.h"
#include "registry/server_channel.h"
#include "registry/server_storage.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using std::chrono::milliseconds;

// How long an idle connection is kept, a silent one waited for, and a silent
// one once the server is to stop.
constexpr milliseconds kKeepAlive{60'000};
constexpr milliseconds kSilence{120'000};
constexpr milliseconds kSilenceWhileStopping{2'000};
// What a client has sent beyond our last answer is thrown away for so long
// before the connection is closed: closing over unread bytes would reset it,
// and the answer might be lost with it.
constexpr milliseconds kLinger{1'000};
// A refused body up to this size is read to its end, so that the client
// surely sees the refusal; a larger one costs the connection.
constexpr uint64_t kDrainLimitBytes = uint64_t{8} << 20;

// Whether `fd` can be read or written (`events`) before the time is over. Once
// `stop` is readable, only `kSilenceWhileStopping` is waited.
bool WaitFor(int fd, short events, milliseconds limit, int stop) {
  pollfd fds[] = {{fd, events, 0}, {stop, POLLIN, 0}};
  ::poll(fds, 2, static_cast<int>(limit.count()));
  if (fds[0].revents != 0) return true;
  if (fds[1].revents == 0) return false;
  ::poll(fds, 1, static_cast<int>(kSilenceWhileStopping.count()));
  return fds[0].revents != 0;
}

// A connection as cpp-httplib wants to see it.
class Connection final : public httplib::Stream {
 public:
  Connection(std::unique_ptr<ServerChannel> channel, int stop)
      : channel_(std::move(channel)), stop_(stop), buffer_(kBufferBytes) {}
  ~Connection() override { Close(); }

  // Waits for the next request; false where there will be none.
  bool WaitForRequest() {
    if (begin_ < end_) return true;
    if (channel_->HasPending()) return Fill();
    pollfd fds[] = {{channel_->fd(), POLLIN, 0}, {stop_, POLLIN, 0}};
    ::poll(fds, 2, static_cast<int>(kKeepAlive.count()));
    return fds[1].revents == 0 && fds[0].revents != 0 && Fill();
  }

  bool is_readable() const override {
    return begin_ < end_ || channel_->HasPending() || Wait(POLLIN);
  }
  bool is_writable() const override { return Wait(POLLOUT); }
  ssize_t read(char* data, size_t size) override {
    if (begin_ == end_ && !Fill()) return alive_ ? 0 : -1;
    size_t count = std::min(size, end_ - begin_);
    std::memcpy(data, buffer_.data() + begin_, count);
    begin_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* data, size_t size) override {
    while (size > 0) {
      auto [state, bytes] = channel_->Write({data, size});
      if (state == State::kDone) return static_cast<ssize_t>(bytes);
      if (!WaitAsWanted(state)) return -1;
    }
    return 0;
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return channel_->fd(); }

 private:
  using State = ServerChannel::State;
  static constexpr size_t kBufferBytes = size_t{64} << 10;

  bool Wait(short events) const {
    return WaitFor(channel_->fd(), events, kSilence, stop_);
  }
  bool WaitAsWanted(State state) const {
    return (state == State::kWantsRead && Wait(POLLIN)) ||
           (state == State::kWantsWrite && Wait(POLLOUT));
  }

  bool Fill() {
    begin_ = end_ = 0;
    while (true) {
      auto [state, bytes] = channel_->Read(buffer_);
      alive_ = state == State::kDone || state == State::kEnded;
      end_ = bytes;
      if (alive_) return bytes > 0;
      if (!WaitAsWanted(state)) return false;
    }
  }

  void Close() {
    channel_->End();
    int fd = channel_->fd();
    auto deadline = std::chrono::steady_clock::now() + kLinger;
    while (true) {
      auto left = std::chrono::duration_cast<milliseconds>(
          deadline - std::chrono::steady_clock::now());
      pollfd fds[] = {{fd, POLLIN, 0}, {stop_, POLLIN, 0}};
      if (left.count() <= 0 || ::poll(fds, 2, left.count()) <= 0) return;
      if (fds[0].revents == 0) return;
      if (::recv(fd, buffer_.data(), buffer_.size(), 0) <= 0) return;
    }
  }

  std::unique_ptr<ServerChannel> channel_;
  const int stop_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool alive_ = true;
};

class HttpServer final : public httplib::Server {
 public:
  // cpp-httplib cuts every answer short while it has no listening socket of
  // its own; that any is there is all it looks at.
  HttpServer() { svr_sock_ = 0; }

  void Serve(std::unique_ptr<ServerChannel> channel, int stop) {
    Connection connection(std::move(channel), stop);
    while (connection.WaitForRequest()) {
      bool closed = false;
      bool fine =
          process_request(connection, false, closed, [](httplib::Request&) {});
      if (!fine || closed) return;
    }
  }
};

bool HasBody(const httplib::Request& request) {
  if (request.has_header("Transfer-Encoding")) return true;
  std::string length = request.get_header_value("Content-Length");
  return !length.empty() && length != "0";
}

// One request's body. Read once, whatever becomes of it.
class Body {
 public:
  explicit Body(const httplib::ContentReader* reader) : reader_(reader) {}

  Status ReadInto(ByteSink& sink) {
    Status status;
    Receive([&](std::span<const std::byte> data) {
      if (status) status = sink.Write(data);
      return status.has_value();
    });
    if (status && !complete_) return IoError("the client broke off");
    return status;
  }

  // Reads what nobody has wanted. False where bytes remain on the connection.
  bool Drain() {
    if (!started_) Receive([](std::span<const std::byte>) { return false; });
    return complete_;
  }

 private:
  // `wanted` turns false once the rest is to be thrown away.
  template <typename Wanted>
  void Receive(Wanted wanted) {
    started_ = true;
    complete_ = reader_ == nullptr;
    if (complete_) return;
    uint64_t unwanted_bytes = 0;
    complete_ = (*reader_)([&](const char* data, size_t size) {
      if (wanted(std::as_bytes(std::span(data, size)))) return true;
      unwanted_bytes += size;
      return unwanted_bytes <= kDrainLimitBytes;
    });
  }

  const httplib::ContentReader* reader_;  // null: no body
  bool started_ = false;
  bool complete_ = false;
};

ServerRequest ToRequest(const httplib::Request& http, Body& body) {
  ServerRequest request;
  request.method = http.method;
  request.path = http.path;
  request.query.insert(http.params.begin(), http.params.end());
  request.header = [&http](const std::string& name) {
    return http.get_header_value(name);
  };
  request.read_body = [&body](ByteSink& sink) { return body.ReadInto(sink); };
  return request;
}

// Sends part of a file, a buffer at a time.
httplib::ContentProvider FileProvider(ServerAnswer& answer) {
  auto file = std::make_shared<UniqueFd>(std::move(answer.file));
  auto buffer = std::make_shared<std::vector<char>>();
  return [file, buffer, start = answer.file_offset](
             size_t offset, size_t length, httplib::DataSink& sink) {
    buffer->resize(std::min<size_t>(length, kStreamBufferBytes));
    ssize_t count = ::pread(file->get(), buffer->data(), buffer->size(),
                            static_cast<off_t>(start + offset));
    return count > 0 && sink.write(buffer->data(), static_cast<size_t>(count));
  };
}

// Sends what comes, a buffer at a time.
httplib::ContentProvider ReadingProvider(ServerAnswer& answer) {
  auto buffer = std::make_shared<std::vector<std::byte>>();
  return [read = std::move(answer.read_at), buffer, start = answer.file_offset](
             size_t offset, size_t length, httplib::DataSink& sink) {
    buffer->resize(std::min<size_t>(length, kStreamBufferBytes));
    auto count = read(start + offset, *buffer);
    return count && *count > 0 &&
           sink.write(reinterpret_cast<const char*>(buffer->data()), *count);
  };
}

// Sends `text`, then fails, which makes cpp-httplib end the connection.
httplib::ContentProvider LastWords(std::string text) {
  return
      [text = std::move(text)](size_t offset, size_t, httplib::DataSink& sink) {
        sink.write(text.data() + offset, text.size() - offset);
        return false;
      };
}

void Send(ServerAnswer answer, bool end_connection,
          httplib::Response& response) {
  response.status = answer.status;
  response.set_header("Docker-Distribution-Api-Version", "registry/2.0");
  for (const auto& [name, value] : answer.headers) {
    response.set_header(name, value);
  }
  if (end_connection) {
    response.set_header("Connection", "close");
    if (answer.body.empty()) answer.body = "\n";
    size_t size = answer.body.size();
    response.set_content_provider(size, answer.content_type,
                                  LastWords(std::move(answer.body)));
  } else if ((answer.file || answer.read_at) && answer.file_bytes > 0) {
    size_t size = answer.file_bytes;
    std::string type = answer.content_type;
    response.set_content_provider(
        size, type,
        answer.file ? FileProvider(answer) : ReadingProvider(answer));
  } else if (!answer.content_type.empty()) {
    response.set_content(std::move(answer.body), answer.content_type);
  }
}

ServerAnswer LoginWanted() {
  ServerAnswer answer = Refusal(401, "UNAUTHORIZED", "authentication required");
  answer.headers.emplace_back("WWW-Authenticate", "Basic realm=\"strake\"");
  return answer;
}

}  // namespace

class Server::Impl {
 public:
  static Result<std::unique_ptr<Impl>> Start(ServerOptions options);
  ~Impl() { Stop(); }

  uint16_t port() const { return listener_->port(); }
  const std::string& authority() const { return authority_; }
  void Stop() {
    // First: running requests may wait for it.
    if (pull_through_) pull_through_->Stop();
    if (listener_) listener_->Stop();
  }

 private:
  Impl(ServerOptions options, std::unique_ptr<ServerStorage> storage,
       std::unique_ptr<PullThrough> pull_through)
      : options_(std::move(options)),
        storage_(std::move(storage)),
        pull_through_(std::move(pull_through)),
        api_(*storage_, options_.read_only, pull_through_.get()) {}

  void Configure();
  // `reader` is null where there is no body.
  void Answer(const httplib::Request& request, httplib::Response& response,
              const httplib::ContentReader* reader);

  const ServerOptions options_;
  std::unique_ptr<ServerStorage> storage_;
  std::unique_ptr<PullThrough> pull_through_;  // may be null
  ServerApi api_;
  std::optional<Htpasswd> htpasswd_;
  std::unique_ptr<TlsAcceptor> tls_;  // none: plain HTTP
  HttpServer http_;
  std::unique_ptr<Listener> listener_;
  std::string authority_;
};

Result<std::unique_ptr<Server::Impl>> Server::Impl::Start(
    ServerOptions options) {
  std::map<std::string, std::string> users;
  if (!options.htpasswd_file.empty()) {
    auto text = ReadFile(options.htpasswd_file);
    if (!text) {
      return InvalidArgument("htpasswd file: " + text.error().message());
    }
    ASSIGN_OR_RETURN(users, Htpasswd::Parse(*text, options.htpasswd_file));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<ServerStorage> storage,
                   ServerStorage::Open(options.directory, options.sync_writes));
  std::unique_ptr<PullThrough> pull_through;
  if (!options.pull_through.empty()) {
    ASSIGN_OR_RETURN(UpstreamPlace place, ParseUpstream(options.pull_through));
    pull_through = std::make_unique<PullThrough>(
        std::move(place), std::move(options.upstream), *storage);
  }
  auto impl = std::unique_ptr<Impl>(new Impl(
      std::move(options), std::move(storage), std::move(pull_through)));
  if (!impl->options_.htpasswd_file.empty()) {
    impl->htpasswd_.emplace(std::move(users));
  }
  if (!impl->options_.tls_certificate_file.empty()) {
    ASSIGN_OR_RETURN(impl->tls_,
                     TlsAcceptor::Load(impl->options_.tls_certificate_file,
                                       impl->options_.tls_key_file));
  }
  impl->Configure();
  const std::string& address = impl->options_.address;
  HttpServer& http = impl->http_;
  const TlsAcceptor* tls = impl->tls_.get();
  auto serve = [&http, tls](UniqueFd connection, int stop) {
    auto channel = tls != nullptr ? tls->Accept(std::move(connection))
                                  : MakePlainChannel(std::move(connection));
    if (channel) http.Serve(std::move(channel), stop);
  };
  ASSIGN_OR_RETURN(impl->listener_,
                   Listener::Start(address, impl->options_.port, serve));
  bool v6 = address.find(':') != std::string::npos;
  impl->authority_ =
      (v6 ? "[" + address + "]" : address) + ":" + std::to_string(impl->port());
  return impl;
}

void Server::Impl::Configure() {
  using httplib::Request, httplib::Response;
  http_.set_keep_alive_max_count(1'000'000);
  http_.set_keep_alive_timeout(
      std::chrono::duration_cast<std::chrono::seconds>(kKeepAlive).count());
  http_.set_pre_routing_handler(
      [this](const Request& request, Response& response) {
        if (HasBody(request))
          return httplib::Server::HandlerResponse::Unhandled;
        Answer(request, response, nullptr);
        return httplib::Server::HandlerResponse::Handled;
      });
  auto with_body = [this](const Request& request, Response& response,
                          const httplib::ContentReader& reader) {
    Answer(request, response, &reader);
  };
  http_.Post(".*", with_body);
  http_.Put(".*", with_body);
  http_.Patch(".*", with_body);
  http_.Delete(".*", with_body);
  if (options_.log) {
    http_.set_logger([this](const Request& request, const Response& response) {
      options_.log(request.method + " " + request.target + " " +
                   std::to_string(response.status));
    });
  }
}

void Server::Impl::Answer(const httplib::Request& request,
                          httplib::Response& response,
                          const httplib::ContentReader* reader) {
  // cpp-httplib would apply ranges itself, to whatever the answer is, and
  // beyond the end. The request is its own, and not const there.
  const_cast<httplib::Request&>(request).ranges.clear();
  Body body(reader);
  bool welcome = !htpasswd_ || htpasswd_->CheckBasic(
                                   request.get_header_value("Authorization"));
  ServerAnswer answer =
      welcome ? api_.Handle(ToRequest(request, body)) : LoginWanted();
  bool body_remains = reader != nullptr && !body.Drain();
  Send(std::move(answer), body_remains, response);
}

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Impl> impl, Impl::Start(std::move(options)));
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

uint16_t Server::port() const { return impl_->port(); }
std::string Server::authority() const { return impl_->authority(); }
void Server::Stop() { impl_->Stop(); }

}  // namespace strake::registry
