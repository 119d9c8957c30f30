// Secrets and agent sockets of a build, by id. Never logged, never hashed into
// a cache key, wiped when they are dropped.

#ifndef STRAKE_BUILDER_CONTEXT_SECRETS_H_
#define STRAKE_BUILDER_CONTEXT_SECRETS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace strake::builder::context {

// Not copyable: a secret has one place in memory. Reading is thread-safe.
class Secrets {
 public:
  Secrets() = default;
  Secrets(Secrets&&) = default;
  Secrets& operator=(Secrets&&) = delete;
  Secrets(const Secrets&) = delete;
  Secrets& operator=(const Secrets&) = delete;
  ~Secrets();

  // A later value replaces an earlier one of the same id.
  void Add(std::string_view id, std::string_view value);
  // Null where there is none.
  const std::string* Find(std::string_view id) const;

  // "NAME=value": all that git gets of the caller's environment.
  std::vector<std::string> git_environment;
  // Host paths of agent sockets for RUN --mount=type=ssh, by id.
  std::map<std::string, std::string> ssh_sockets;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_SECRETS_H_
