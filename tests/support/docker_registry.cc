#include "tests/support/docker_registry.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "util/unique_fd.h"

namespace strake::testing {
namespace {

constexpr std::chrono::seconds kStartLimit{30};

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A port that was free a moment ago; docker-registry cannot pick one itself.
uint16_t FreePort() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(0);
  socklen_t length = sizeof address;
  ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

bool Accepts(uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(port);
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                   sizeof address) == 0;
}

std::string Config(const DockerRegistryOptions& options, uint16_t port,
                   const std::string& directory) {
  std::string text =
      "version: 0.1\n"
      "log: {level: debug}\n"
      "storage:\n"
      "  filesystem: {rootdirectory: " +
      directory +
      "/data}\n"
      "  delete: {enabled: true}\n"
      "http:\n"
      "  addr: 127.0.0.1:" +
      std::to_string(port) + "\n";
  if (!options.tls_certificate.empty()) {
    text += "  tls:\n    certificate: " + options.tls_certificate +
            "\n    key: " + options.tls_key + "\n";
  }
  if (!options.tls_client_ca.empty()) {
    text += "    clientcas: [" + options.tls_client_ca + "]\n";
  }
  if (!options.htpasswd_file.empty()) {
    text += "auth:\n  htpasswd:\n    realm: test\n    path: " +
            options.htpasswd_file + "\n";
  }
  return text;
}

}  // namespace

DockerRegistry::DockerRegistry(const DockerRegistryOptions& options)
    : port_(FreePort()) {
  directory_.Write("config.yml", Config(options, port_, directory_.path()));
  std::string config = directory_.path("config.yml");
  std::string log = directory_.path("log");
  // The signal ends it with this process, should a test crash.
  const char* argv[] = {"setpriv", "--pdeathsig",  "KILL", "docker-registry",
                        "serve",   config.c_str(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&actions, fd, log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0644);
  }
  int error = ::posix_spawnp(&pid_, argv[0], &actions, nullptr,
                             const_cast<char**>(argv), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    ADD_FAILURE() << "cannot run docker-registry";
    pid_ = -1;
    return;
  }
  auto deadline = std::chrono::steady_clock::now() + kStartLimit;
  while (!Accepts(port_)) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "docker-registry does not start:\n"
                    << directory_.Read("log");
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

DockerRegistry::~DockerRegistry() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  int status;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace strake::testing
