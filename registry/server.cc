// HTTP for `ServerApi`, by cpp-httplib 0.11.
//
// Two of its habits need care. It decides by the method alone whether a body
// follows, and waits for one that a DELETE never sends: so everything without
// a body is answered before its routing. And it does not notice when a handler
// leaves part of a body unread, which would then be taken for the next
// request: so a body is always read to its end, or the connection ended.

#include "registry/server.h"

#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <latch>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "registry/htpasswd.h"
#include "registry/server_api.h"
#include "registry/server_storage.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

constexpr int kBacklog = 512;
constexpr size_t kMaxConnections = 1024;
constexpr time_t kKeepAliveSeconds = 2;  // also how long `Stop` may take
constexpr time_t kBodyTimeoutSeconds = 120;
// A refused body up to this size is read to its end, so that the client
// surely sees the refusal; a larger one costs the connection.
constexpr uint64_t kDrainLimitBytes = uint64_t{8} << 20;

// A thread a connection, made when all others are busy: cpp-httplib keeps a
// thread for as long as a client keeps its connection, so that any fixed
// number would let idle clients lock others out.
class ConnectionThreads final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> task) override {
    std::unique_lock lock(mutex_);
    tasks_.push_back(std::move(task));
    if (tasks_.size() > idle_ && threads_.size() < kMaxConnections) {
      threads_.emplace_back([this] { Work(); });
    }
    changed_.notify_one();
  }

  void shutdown() override {
    {
      std::unique_lock lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      changed_.wait(lock, [&] { return ending_ || !tasks_.empty(); });
      --idle_;
      if (tasks_.empty()) return;
      std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool ending_ = false;
};

class HttpServer final : public httplib::Server {
 public:
  // cpp-httplib asks for a backlog of 5, which a handful of clients overrun.
  void WidenBacklog() { ::listen(svr_sock_.load(), kBacklog); }
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
  } else if (answer.file && answer.file_bytes > 0) {
    size_t size = answer.file_bytes;
    std::string type = answer.content_type;
    response.set_content_provider(size, type, FileProvider(answer));
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

  uint16_t port() const { return port_; }
  const std::string& authority() const { return authority_; }
  void Stop();

 private:
  Impl(ServerOptions options, std::unique_ptr<ServerStorage> storage)
      : options_(std::move(options)),
        storage_(std::move(storage)),
        api_(*storage_, options_.read_only) {}

  void Configure();
  Status Listen();
  // `reader` is null where there is no body.
  void Answer(const httplib::Request& request, httplib::Response& response,
              const httplib::ContentReader* reader);

  const ServerOptions options_;
  std::unique_ptr<ServerStorage> storage_;
  ServerApi api_;
  std::optional<Htpasswd> htpasswd_;
  HttpServer http_;
  uint16_t port_ = 0;
  std::string authority_;
  std::once_flag stopped_;
  std::thread listener_;
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
                   ServerStorage::Open(options.directory));
  auto impl =
      std::unique_ptr<Impl>(new Impl(std::move(options), std::move(storage)));
  if (!impl->options_.htpasswd_file.empty()) {
    impl->htpasswd_.emplace(std::move(users));
  }
  impl->Configure();
  RETURN_IF_ERROR(impl->Listen());
  return impl;
}

void Server::Impl::Configure() {
  using httplib::Request, httplib::Response;
  http_.set_tcp_nodelay(true);
  http_.set_keep_alive_max_count(1'000'000);
  http_.set_keep_alive_timeout(kKeepAliveSeconds);
  http_.set_read_timeout(kBodyTimeoutSeconds);
  http_.set_write_timeout(kBodyTimeoutSeconds);
  // The default, SO_REUSEPORT, would let two servers share a port.
  http_.set_socket_options([](socket_t socket) {
    int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
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

Status Server::Impl::Listen() {
  const std::string& address = options_.address;
  errno = 0;
  int port = options_.port;
  bool bound = port == 0 ? (port = http_.bind_to_any_port(address)) > 0
                         : http_.bind_to_port(address, port);
  if (!bound) {
    std::string why =
        errno == 0 ? "not an address of this machine" : std::strerror(errno);
    return IoError("listen on " + address + " port " +
                   std::to_string(options_.port) + ": " + why);
  }
  port_ = static_cast<uint16_t>(port);
  bool v6 = address.find(':') != std::string::npos;
  authority_ =
      (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port_);
  http_.WidenBacklog();
  // cpp-httplib ignores `stop` until it listens, which it shows by asking for
  // its threads.
  auto listening = std::make_shared<std::latch>(1);
  http_.new_task_queue = [listening] {
    listening->count_down();
    return new ConnectionThreads;
  };
  listener_ = std::thread([this] { http_.listen_after_bind(); });
  listening->wait();
  return {};
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

void Server::Impl::Stop() {
  std::call_once(stopped_, [this] {
    if (!listener_.joinable()) return;
    http_.stop();
    listener_.join();
  });
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
