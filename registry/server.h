// A registry on a folder: OCI distribution-spec 1.1, all four workflow
// categories (pull, push, content discovery, content management).
//
// Blobs are stored once for all repositories, but a repository shows only what
// was pushed or mounted into it. State is on disk only, changed by atomic
// renames: killing the process at any moment loses unfinished requests at
// most, and a server started again on the folder carries on, uploads
// included. One process a folder. The disk layout is specified in
// server_storage.h.
//
// Plain HTTP unless it is given a certificate.

#ifndef STRAKE_REGISTRY_SERVER_H_
#define STRAKE_REGISTRY_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "registry/client.h"
#include "util/result.h"

namespace strake::registry {

struct ServerOptions {
  std::string directory = {};         // made where missing
  std::string address = "127.0.0.1";  // or "::1", "0.0.0.0", a host name
  uint16_t port = 0;                  // 0: any free one, see `Server::port`
  // Refuses every change with 405.
  bool read_only = false;
  // Whether what a client has been told is stored survives a power cut. Off
  // where the registry lives for one test or one build.
  bool sync_writes = true;
  // Lines "name:secret" as htpasswd writes them with bcrypt (-B) or SHA
  // crypt; empty: everybody may do everything.
  std::string htpasswd_file = {};
  // PEM: the certificate that it shows, with those between it and the
  // authority, and its key; empty: plain HTTP.
  std::string tls_certificate_file = {};
  std::string tls_key_file = {};
  // The registry, "https://host[:port][/namespace]", that this one is a cache
  // of, and how to talk to it; empty: it stands for itself. What is not there
  // is fetched, each blob once, verified before it is kept, and passed on as it
  // comes; changes are refused with 405. Tags are asked for upstream each time;
  // what is there is served where nobody answers.
  std::string pull_through = {};
  ClientOptions upstream = {};
  // One line a request, "GET /v2/a/manifests/latest 200"; from many threads at
  // once. May be empty.
  std::function<void(const std::string& line)> log = {};
};

// Serves from its own threads from `Start` until it is destroyed or stopped.
class Server {
 public:
  // `kInvalidArgument` for a bad address, htpasswd file, certificate or URL,
  // `kIo` where the folder cannot be made or the port is taken.
  static Result<std::unique_ptr<Server>> Start(ServerOptions options);

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  uint16_t port() const;
  // "127.0.0.1:5000", "[::1]:5000": the registry part of references to it.
  std::string authority() const;

  // Accepts nothing more, lets running requests end, and returns then.
  // Idempotent; safe from any thread but a request's.
  void Stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_SERVER_H_
