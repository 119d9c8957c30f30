// Debian's docker-registry, run on a private loopback port for one test.

#ifndef STRAKE_TESTS_SUPPORT_DOCKER_REGISTRY_H_
#define STRAKE_TESTS_SUPPORT_DOCKER_REGISTRY_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "tests/support/temp_dir.h"

namespace strake::testing {

struct DockerRegistryOptions {
  std::string htpasswd_file = {};  // empty: open to everybody
  std::string tls_certificate = {};
  std::string tls_key = {};
  std::string tls_client_ca = {};  // clients need a certificate of this one
};

// Stopped and removed with its owner. Use after `HaveTool("docker-registry")`.
class DockerRegistry {
 public:
  explicit DockerRegistry(const DockerRegistryOptions& options = {});
  DockerRegistry(const DockerRegistry&) = delete;
  DockerRegistry& operator=(const DockerRegistry&) = delete;
  ~DockerRegistry();

  uint16_t port() const { return port_; }
  std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  TempDir directory_;
  uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_DOCKER_REGISTRY_H_
