// An HTTP/1.1 proxy on loopback between a client and a registry, which can go
// wrong in all the ways that networks and registries do, on request. It works
// on raw bytes, so that it can also do what no HTTP library would.
//
//   FaultProxy proxy(server->port());
//   proxy.Add({.method = "GET", .path = "/blobs/", .cut_response_after = 100});
//
// One request a connection, each on a thread of its own.

#ifndef STRAKE_TESTS_SUPPORT_FAULT_PROXY_H_
#define STRAKE_TESTS_SUPPORT_FAULT_PROXY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strake::testing {

struct SeenRequest {
  std::string method;
  std::string target;                          // path and query
  std::map<std::string, std::string> headers;  // names in lower case
  uint64_t body_bytes = 0;                     // as announced

  std::string Header(const std::string& name) const;
};

// What happens to requests of `method` whose target contains `path`.
struct Fault {
  std::string method = "";  // empty: any
  std::string path = "";
  int skip = 0;   // so many matching requests go through untouched first
  int times = 1;  // then so many are hit; -1: all

  // Answers instead of the registry: a whole HTTP response (see `Response`),
  // or "" to let the request through.
  std::function<std::string(const SeenRequest&)> respond = {};
  // Resets the connections after so many bytes of the request's body have been
  // passed on; 0: none, with no answer.
  std::optional<uint64_t> cut_request_after = {};
  // Ends the client's connection after so many bytes of the answer's body, in
  // order, or by a reset once they have arrived.
  std::optional<uint64_t> cut_response_after = {};
  std::optional<uint64_t> reset_response_after = {};
  // Passes on so many bytes of the request's (the answer's) body and then
  // nothing, until the client gives up.
  std::optional<uint64_t> stall_request_after = {};
  std::optional<uint64_t> stall_response_after = {};
  // Changes the first byte of the request's (the answer's) body.
  bool corrupt_request = false;
  bool corrupt_response = false;
  // Drops the end of the answer's body, and announces the shorter length.
  uint64_t shorten_response_by = 0;
  // Takes the request's head and then says and reads nothing more.
  bool hang = false;
  // Lets the request reach the registry, and its answer nobody.
  bool swallow_response = false;
  // May change the head of the answer (status line and fields).
  std::function<void(std::string& head)> edit_head = {};
};

class FaultProxy {
 public:
  // Forwards to 127.0.0.1:`upstream_port`; 0: there is no registry, `respond`
  // answers everything.
  explicit FaultProxy(uint16_t upstream_port);
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;
  ~FaultProxy();

  uint16_t port() const;
  std::string authority() const;  // "127.0.0.1:port"

  // The first matching fault that is not used up acts.
  void Add(Fault fault);
  // Besides, the connection resets whenever so many further bytes of requests
  // have passed, whatever requests they belong to.
  void CutUploadsEvery(uint64_t bytes);
  void Clear();

  // In the order of arrival.
  std::vector<SeenRequest> Seen() const;
  // How many of `method` contain `path`.
  int Count(std::string_view method, std::string_view path) const;
  // All bytes of request bodies that the registry was given, and those that
  // came from clients: the same, and what the proxy kept for itself.
  uint64_t forwarded_bytes() const;
  uint64_t received_bytes() const;
  // All bytes of the registry's successful answers that clients were sent.
  uint64_t returned_bytes() const;
  // How often `CutUploadsEvery` did.
  int cuts() const;

  // "HTTP/1.1 <status> \r\n<fields>Content-Length: ...\r\n\r\n<body>"; each
  // field without line end.
  static std::string Response(int status,
                              const std::vector<std::string>& fields = {},
                              std::string_view body = "");

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_FAULT_PROXY_H_
