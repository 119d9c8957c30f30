#include "tasks/run/docker_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <thread>
#include <utility>
#include <vector>

#include "util/clock.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/thread.h"
#include "util/unique_fd.h"

extern char** environ;

namespace strake::tasks::run {
namespace {

using nlohmann::json;

constexpr char kName[] = "docker.sock";
constexpr size_t kStreams = 3;
constexpr uint32_t kMostBytes = uint32_t{16} << 20;
constexpr int kLost = 125;

// An address in the folder `directory`, however long its path is: sun_path
// has 108 bytes.
sockaddr_un AddressIn(int directory) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path,
                "/proc/self/fd/%d/%s", directory, kName);
  return address;
}

bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool ReceiveAll(int fd, char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t n = ::recv(fd, bytes, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

std::string Framed(const json& message) {
  const std::string text = DumpJson(message);
  std::string framed;
  for (int shift : {24, 16, 8, 0}) {
    framed += static_cast<char>((text.size() >> shift) & 0xff);
  }
  return framed + text;
}

// Control data for `kStreams` descriptors.
union Control {
  cmsghdr header;  // for its alignment
  std::array<char, CMSG_SPACE(kStreams * sizeof(int))> bytes;
};

bool SendWithStreams(int fd, const std::string& framed) {
  Control control = {};
  char first = framed[0];
  iovec part = {&first, 1};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(kStreams * sizeof(int));
  const std::array<int, kStreams> fds = {0, 1, 2};
  std::memcpy(CMSG_DATA(header), fds.data(), sizeof fds);
  while (true) {
    const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent == 1) break;
    if (sent < 0 && errno == EINTR) continue;
    return false;
  }
  return SendAll(fd, std::string_view(framed).substr(1));
}

// What a client sent, with its streams.
struct Received {
  json message;
  std::array<UniqueFd, kStreams> streams;
};

Result<uint8_t> ReceiveFirst(int fd, std::array<UniqueFd, kStreams>& streams) {
  Control control = {};
  uint8_t first = 0;
  iovec part = {&first, 1};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  if (::recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != 1) {
    return IoError("docker socket: nothing was sent");
  }
  // Whatever came is owned at once, so that nothing of it stays open.
  std::vector<UniqueFd> came;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_level == SOL_SOCKET &&
      header->cmsg_type == SCM_RIGHTS) {
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      came.emplace_back(fd);
    }
  }
  if (came.size() != kStreams) {
    return IoError("docker socket: no streams were sent");
  }
  std::ranges::move(came, streams.begin());
  return first;
}

Result<Received> Receive(int fd) {
  Received received;
  std::array<uint8_t, 4> length = {};
  ASSIGN_OR_RETURN(length[0], ReceiveFirst(fd, received.streams));
  if (!ReceiveAll(fd, reinterpret_cast<char*>(length.data()) + 1, 3)) {
    return IoError("docker socket: the message ends early");
  }
  const uint32_t size = uint32_t{length[0]} << 24 | uint32_t{length[1]} << 16 |
                        uint32_t{length[2]} << 8 | length[3];
  if (size > kMostBytes) return IoError("docker socket: too long a message");
  std::string text(size, '\0');
  if (!ReceiveAll(fd, text.data(), size)) {
    return IoError("docker socket: the message ends early");
  }
  ASSIGN_OR_RETURN(received.message, ParseJson(text));
  return received;
}

Result<Invocation> ReadInvocation(const Received& received) {
  const JsonField message(received.message);
  Invocation invocation;
  ASSIGN_OR_RETURN(invocation.words, message.At("words").Strings());
  ASSIGN_OR_RETURN(invocation.directory, message.At("directory").String());
  ASSIGN_OR_RETURN(invocation.env, message.At("env").Strings());
  ASSIGN_OR_RETURN(invocation.token, message.At("step").String());
  invocation.streams.stdin_fd = received.streams[0].get();
  invocation.streams.stdout_fd = received.streams[1].get();
  invocation.streams.stderr_fd = received.streams[2].get();
  return invocation;
}

// One client, in a thread of its own.
struct Connection {
  UniqueFd fd;
  std::stop_source stop;
  std::atomic<bool> done = false;
  std::thread thread;
};

class Server final : public DockerSocket {
 public:
  Server(UniqueFd listener, Answer answer)
      : listener_(std::move(listener)), answer_(std::move(answer)) {}
  ~Server() override {
    stop_.request_stop();
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (accepting_.joinable()) accepting_.join();
    for (Connection& connection : connections_) {
      connection.stop.request_stop();
      ::shutdown(connection.fd.get(), SHUT_RDWR);
    }
    for (Connection& connection : connections_) connection.thread.join();
  }

  Status Start() {
    ASSIGN_OR_RETURN(accepting_, StartThread([this] { Accept(); }));
    return {};
  }

 private:
  void Accept() {
    while (!stop_.stop_requested()) {
      UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd && stop_.stop_requested()) return;
      if (!fd) {
        // Out of descriptors or memory, at worst: there may be some again.
        if (errno != EINTR && errno != ECONNABORTED) Pause();
        continue;
      }
      Reap();
      Connection& connection = connections_.emplace_back();
      connection.fd = std::move(fd);
      auto thread = StartThread([this, &connection] { Serve(connection); });
      if (thread) {
        connection.thread = *std::move(thread);
      } else {
        connections_.pop_back();
      }
    }
  }

  void Pause() const {
    constexpr std::chrono::milliseconds kPause{50};
    SystemClock().Wait(kPause, stop_.get_token());
  }

  void Reap() {
    for (auto it = connections_.begin(); it != connections_.end();) {
      if (it->done) {
        it->thread.join();
        it = connections_.erase(it);
      } else {
        ++it;
      }
    }
  }

  void Serve(Connection& connection) {
    auto received = Receive(connection.fd.get());
    if (received) {
      json reply;
      reply["status"] = Reply(connection, *received);
      (void)SendAll(connection.fd.get(), Framed(reply));
    }
    connection.done = true;
  }

  // Nothing more is sent: what can be read is the end of the client.
  static void WatchForTheEnd(Connection& connection,
                             const std::atomic<bool>& answered) {
    constexpr int kPauseMilliseconds = 100;
    pollfd input = {connection.fd.get(), POLLIN | POLLRDHUP, 0};
    while (!answered) {
      if (::poll(&input, 1, kPauseMilliseconds) <= 0) continue;
      connection.stop.request_stop();
      return;
    }
  }

  int Reply(Connection& connection, const Received& received) {
    auto invocation = ReadInvocation(received);
    if (!invocation) return kLost;
    std::atomic<bool> answered = false;
    auto watch = StartThread([&] { WatchForTheEnd(connection, answered); });
    if (!watch) {
      invocation->streams.Err("docker: " + watch.error().message() + "\n");
      return kLost;
    }
    auto status = answer_(*invocation, connection.stop.get_token());
    answered = true;
    watch->join();
    if (status) return *status;
    invocation->streams.Err("docker: " + status.error().message() + "\n");
    return kLost;
  }

  UniqueFd listener_;
  Answer answer_;
  std::stop_source stop_;
  std::thread accepting_;
  std::list<Connection> connections_;  // of `accepting_`, then the destructor's
};

std::string CurrentDirectory() {
  std::array<char, 4096> path = {};
  return ::getcwd(path.data(), path.size()) != nullptr ? path.data() : "/";
}

json MakeRequest(int argc, char** argv) {
  json message;
  message["words"] = json::array();
  for (int i = 1; i < argc; ++i) message["words"].push_back(argv[i]);
  message["directory"] = CurrentDirectory();
  message["env"] = json::array();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    message["env"].push_back(*entry);
  }
  const char* step = std::getenv("STRAKE_DOCKER_STEP");
  message["step"] = step == nullptr ? "" : step;
  return message;
}

int Lost(const std::string& why) {
  std::fprintf(stderr, "docker: %s\n", why.c_str());
  return kLost;
}

int Ask(const std::string& path, int argc, char** argv) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Lost("$STRAKE_DOCKER_SOCKET is too long");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                       sizeof address) != 0) {
    return Lost("cannot reach the run at " + path + ": " +
                std::strerror(errno));
  }
  if (!SendWithStreams(fd.get(), Framed(MakeRequest(argc, argv)))) {
    return Lost("the run has ended");
  }
  std::array<uint8_t, 4> length = {};
  if (!ReceiveAll(fd.get(), reinterpret_cast<char*>(length.data()), 4)) {
    return Lost("the run has ended");
  }
  std::string text(length[2] * size_t{256} + length[3], '\0');
  if (!ReceiveAll(fd.get(), text.data(), text.size())) {
    return Lost("the run has ended");
  }
  auto reply = ParseJson(text);
  if (!reply) return Lost("the run gave no answer");
  auto status = JsonField(*reply).At("status").Int();
  return status ? static_cast<int>(*status) : Lost("the run gave no answer");
}

}  // namespace

Result<std::unique_ptr<DockerSocket>> DockerSocket::Listen(
    const std::string& directory, Answer answer) {
  UniqueFd folder(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return ErrnoError("open " + directory);
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = AddressIn(folder.get());
  if (!listener ||
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address),
             sizeof address) != 0 ||
      // A step may run as any user.
      ::fchmodat(folder.get(), kName, 0666, 0) != 0 ||
      ::listen(listener.get(), SOMAXCONN) != 0) {
    return ErrnoError("listen in " + directory);
  }
  auto server =
      std::make_unique<Server>(std::move(listener), std::move(answer));
  RETURN_IF_ERROR(server->Start());
  return std::unique_ptr<DockerSocket>(std::move(server));
}

std::optional<int> RunAsDocker(int argc, char** argv) {
  const char* socket = std::getenv("STRAKE_DOCKER_SOCKET");
  if (socket == nullptr || argc < 1) return std::nullopt;
  std::string_view program = argv[0];
  program.remove_prefix(program.rfind('/') + 1);
  if (program != "docker") return std::nullopt;
  return Ask(socket, argc, argv);
}

}  // namespace strake::tasks::run
