// One HTTP exchange over libcurl, with streamed bodies.
//
// Thread-safe. Each exchange takes a curl handle of its own from a pool, for
// the sake of the connections that the handle keeps; handles never share a
// connection cache, which libcurl 7.88 lists as broken (known bug 11.11).
//
// Bytes and requests are counted against the limits of
// `ClientOptions::traffic`.
//
// Redirects are followed here and not by curl: GET and HEAD always, other
// methods for 307 and 308 only. `Authorization` does not follow to another
// origin, nor does `HttpRequest::show_certificate`, and https never leads to
// http unless `HttpRequest::insecure`.

#ifndef STRAKE_REGISTRY_HTTP_CLIENT_H_
#define STRAKE_REGISTRY_HTTP_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "registry/client.h"
#include "registry/sent_secrets.h"
#include "registry/stall_watch.h"
#include "registry/traffic.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::registry {

// Fields in their order; names in any case.
class HttpHeaders {
 public:
  void Add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  // The first field of that name, or "".
  std::string Get(std::string_view name) const;
  std::vector<std::string> GetAll(std::string_view name) const;
  void Remove(std::string_view name);
  void clear() { fields_.clear(); }
  const std::vector<std::pair<std::string, std::string>>& fields() const {
    return fields_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  // What no sink was given for; cut at `HttpRequest::body_limit_bytes`.
  std::string body;
  std::string url;  // where the answer came from, after redirects
  // What no message may quote of it; shared by all answers of a client.
  std::shared_ptr<const SentSecrets> secrets;
  std::string note;  // for the end of a message about it; may be empty
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  HttpHeaders headers;

  // The body of POST, PUT and PATCH: `body`, unless `open_body` is set, which
  // gives exactly `body_bytes` bytes each time it is called.
  std::string body;
  std::function<Result<std::unique_ptr<ByteSource>>()> open_body;
  uint64_t body_bytes = 0;

  // Called when the head of the final answer (no redirect) is there: returns
  // the sink for its body (borrowed, left unfinished), or null to have it in
  // `HttpResponse::body`. An error ends the exchange.
  std::function<Result<ByteSink*>(const HttpResponse&)> on_head;
  // A larger body that no sink takes is an error if its status is 2xx, and
  // cut otherwise.
  uint64_t body_limit_bytes = uint64_t{4} << 20;

  // Certificates of this origin are not verified, and it may redirect to
  // plain HTTP.
  bool insecure = false;
  // The origin may be shown `TlsOptions::client_certificate_file`.
  bool show_certificate = false;
  // Not through a proxy: for what only this machine can reach.
  bool direct = false;
  // On a connection of its own: what ends a connection that has carried much
  // is to end none in the middle of this.
  bool fresh_connection = false;
};

// Why there is no (whole) answer.
enum class HttpFailure {
  kNone,
  kConnect,  // no connection; nothing was sent
  kBroken,   // cut or stalled in the middle
  kTls,      // handshake or certificate
  kNotHttp,  // the other side speaks something else
  kLocal,    // our side: sink, source, `stop`, a bad URL
};

struct HttpResult {
  HttpFailure failure = HttpFailure::kNone;
  // Set where `failure` is not kNone: kUnavailable naming host:port and the
  // reason; for kLocal the error of the sink or source, or kCancelled.
  std::optional<Error> error;
  HttpResponse response;  // as far as it came
};

class HttpClient {
 public:
  // Of `options`, what concerns connections: proxy, TLS, timeouts, agent.
  explicit HttpClient(const ClientOptions& options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  HttpResult Send(const HttpRequest& request, std::stop_token stop) const;

  // What it counts against; lives as long as the client.
  Traffic& traffic() const { return *traffic_; }

 private:
  class Pool;
  class Exchange;
  HttpResult SendOnce(const HttpRequest& request, std::stop_token stop) const;

  ProxyOptions proxy_;
  std::string user_agent_;
  HostTlsTable tls_;
  std::chrono::milliseconds connect_timeout_;
  StallLimits stall_limits_;
  std::shared_ptr<Traffic> traffic_;
  std::shared_ptr<SentSecrets> secrets_;
  std::unique_ptr<Pool> pool_;
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_HTTP_CLIENT_H_
