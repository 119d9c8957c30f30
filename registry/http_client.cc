#include "registry/http_client.h"

#include <curl/curl.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <span>

#include "registry/endpoint.h"
#include "util/block_sigpipe.h"
#include "util/c_handle.h"
#include "util/guarded.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using Clock = std::chrono::steady_clock;
using CurlEasy = std::unique_ptr<CURL, FreeWith<curl_easy_cleanup>>;
using CurlList = std::unique_ptr<curl_slist, FreeWith<curl_slist_free_all>>;

constexpr int kMaxRedirects = 10;
constexpr uint64_t kTransferBufferBytes = uint64_t{256} << 10;

// How much may move at once at a limited rate (0: none): a tenth of a second's
// worth, within what curl can do.
uint64_t PieceBytes(uint64_t bytes_per_second) {
  constexpr uint64_t kSmallestPieceBytes = 1024;
  if (bytes_per_second == 0) return kTransferBufferBytes;
  return std::clamp(bytes_per_second / 10, kSmallestPieceBytes,
                    kTransferBufferBytes);
}

CURLcode InitCurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  return code;
}

// The file of authorities that curl was built to trust, or "".
std::string SystemBundle() {
  const char* file = curl_version_info(CURLVERSION_NOW)->cainfo;
  return file == nullptr ? "" : file;
}

// Fills in what `request` needs to know and show of certificates; returns the
// file of the certificate that is shown, or "".
//   tls  outlives the exchange
std::string SetTls(CURL* curl, const HttpRequest& request, const HostTls& tls,
                   const TlsOptions& options) {
  if (request.insecure) {
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  } else if (!tls.authorities_pem.empty()) {
    curl_blob blob;
    blob.data = const_cast<char*>(tls.authorities_pem.data());
    blob.len = tls.authorities_pem.size();
    blob.flags = CURL_BLOB_NOCOPY;
    curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
  } else if (!options.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
  }
  std::string certificate = tls.client_certificate_file;
  std::string key = tls.client_key_file;
  if (certificate.empty() && request.show_certificate) {
    certificate = options.client_certificate_file;
    key = options.client_key_file;
  }
  if (certificate.empty()) return "";
  if (key.empty()) key = certificate;
  curl_easy_setopt(curl, CURLOPT_SSLCERT, certificate.c_str());
  curl_easy_setopt(curl, CURLOPT_SSLKEY, key.c_str());
  return certificate;
}

// Whether a handshake of this thread's present exchange was asked for a
// certificate that we do not have. What becomes of it differs: TLS 1.3 refuses
// after the handshake, when curl sees anything from an alert to a reset.
thread_local bool certificate_was_asked_for = false;

int OnCertificateRequest(SSL*, X509**, EVP_PKEY**) {
  certificate_was_asked_for = true;
  return 0;  // goes on without
}

CURLcode WatchForCertificateRequest(CURL*, void* context, void*) {
  SSL_CTX_set_client_cert_cb(static_cast<SSL_CTX*>(context),
                             &OnCertificateRequest);
  return CURLE_OK;
}

// Says what to do where an exchange failed for want of a good certificate.
//   shown  the file of the certificate that was shown, or ""
void ExplainOurCertificate(const std::string& shown, HttpResult& result) {
  if (!result.error || result.failure == HttpFailure::kLocal ||
      result.response.status != 0) {
    return;
  }
  const std::string& seen = result.error->message();
  std::string hint;
  if (shown.empty() && certificate_was_asked_for) {
    hint =
        "it asked for a certificate, and there is none to show: give one with "
        "--client-cert and --client-key, or keep it as NAME.cert and NAME.key "
        "in the registry's folder in certs.d";
  } else if (!shown.empty() && seen.find(" alert ") != std::string::npos) {
    hint = "the certificate " + shown + " was shown to it";
  } else {
    return;
  }
  result.failure = HttpFailure::kTls;
  result.error = Error(result.error->code(), seen + " (" + hint + ")");
}

HttpResult LocalFailure(Error error) {
  HttpResult result;
  result.failure = HttpFailure::kLocal;
  result.error = std::move(error);
  return result;
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 ||
         status == 308;
}

HttpFailure Classify(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return HttpFailure::kNone;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return HttpFailure::kConnect;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return HttpFailure::kTls;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return HttpFailure::kNotHttp;
    case CURLE_URL_MALFORMAT:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
      return HttpFailure::kLocal;
    default:
      return HttpFailure::kBroken;
  }
}

// "host:port" of a URL, the port spelled out.
std::string HostPort(const std::string& url) {
  std::string origin = OriginOf(url);
  size_t scheme_end = origin.find("://");
  if (scheme_end == std::string::npos) return url;
  std::string authority = origin.substr(scheme_end + 3);
  size_t bracket = authority.rfind(']');
  size_t colon = authority.rfind(':');
  bool has_port = colon != std::string::npos &&
                  (bracket == std::string::npos || colon > bracket);
  if (has_port) return authority;
  return authority + (origin.starts_with("https") ? ":443" : ":80");
}

// The authority with the port as written: "host:443" has a folder of its own.
std::string WrittenAuthority(std::string_view url) {
  std::string_view rest = url.substr(url.find("://") + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  return ToLower(rest.substr(rest.rfind('@') + 1));
}

}  // namespace

std::string HttpHeaders::Get(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (EqualsIgnoreCase(key, name)) return value;
  }
  return "";
}

std::vector<std::string> HttpHeaders::GetAll(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : fields_) {
    if (EqualsIgnoreCase(key, name)) values.push_back(value);
  }
  return values;
}

void HttpHeaders::Remove(std::string_view name) {
  std::erase_if(fields_, [&](const auto& field) {
    return EqualsIgnoreCase(field.first, name);
  });
}

// Idle handles, the one used last on top: its connections are the freshest.
class HttpClient::Pool {
 public:
  CurlEasy Take() {
    auto idle = idle_.lock();
    if (idle->empty()) return CurlEasy(curl_easy_init());
    CurlEasy handle = std::move(idle->back());
    idle->pop_back();
    return handle;
  }
  void Return(CurlEasy handle) {
    curl_easy_reset(handle.get());  // keeps connections
    idle_.lock()->push_back(std::move(handle));
  }

 private:
  Guarded<std::vector<CurlEasy>> idle_;
};

// What the callbacks of one exchange share.
class HttpClient::Exchange {
 public:
  Exchange(const HttpRequest& request, const StallLimits& stall_limits,
           Traffic& traffic, std::stop_token stop)
      : request_(request),
        traffic_(traffic),
        host_(AuthorityOf(request.url)),
        stop_(std::move(stop)),
        watch_(stall_limits, Clock::now()) {
    response_.url = request.url;
  }

  // Called by curl, through which nothing may be thrown; a stored error makes
  // curl give up.
  static size_t OnHeader(char* data, size_t size, size_t count, void* self);
  static size_t OnBody(char* data, size_t size, size_t count, void* self);
  static size_t OnRead(char* data, size_t size, size_t count, void* self);
  static int OnSeek(void* self, curl_off_t offset, int origin);
  static int OnProgress(void* self, curl_off_t, curl_off_t received, curl_off_t,
                        curl_off_t sent);

  HttpResult Finish(CURLcode code, const char* details);

 private:
  void TakeHeaderLine(std::string_view line);
  Status TakeBody(std::span<const std::byte> data);
  Result<size_t> ReadBody(std::span<std::byte> buffer);
  Status AnnounceHead();

  // Time that the other side is not to blame for.
  class Held {
   public:
    explicit Held(StallWatch& watch) : watch_(watch), since_(Clock::now()) {}
    ~Held() { watch_.Exclude(Clock::now() - since_); }

   private:
    StallWatch& watch_;
    Clock::time_point since_;
  };

  const HttpRequest& request_;
  Traffic& traffic_;
  const std::string host_;
  std::stop_token stop_;
  StallWatch watch_;
  std::string stalled_;  // why it was given up; empty: it was not
  HttpResponse response_;
  std::optional<Error> local_error_;
  bool head_announced_ = false;
  ByteSink* sink_ = nullptr;
  std::unique_ptr<ByteSource> source_;
  uint64_t given_bytes_ = 0;  // of `source_`
};

size_t HttpClient::Exchange::OnHeader(char* data, size_t size, size_t count,
                                      void* self) {
  static_cast<Exchange*>(self)->TakeHeaderLine({data, size * count});
  return size * count;
}

void HttpClient::Exchange::TakeHeaderLine(std::string_view line) {
  line = TrimRight(line);
  if (line.starts_with("HTTP/")) {
    // A new head: what came before was a 1xx or a proxy's answer.
    response_.headers.clear();
    response_.status = 0;
    if (auto parts = SplitOnce(line, ' ')) {
      auto status = ParseInt(parts->second.substr(0, 3));
      response_.status = static_cast<int>(status.value_or(0));
    }
    return;
  }
  if (auto parts = SplitOnce(line, ':')) {
    response_.headers.Add(std::string(parts->first),
                          std::string(Trim(parts->second)));
  }
}

Status HttpClient::Exchange::AnnounceHead() {
  if (head_announced_) return {};
  head_announced_ = true;
  if (!request_.on_head || IsRedirect(response_.status)) return {};
  auto sink = request_.on_head(response_);
  if (!sink) return std::move(sink).error();
  sink_ = *sink;
  return {};
}

Status HttpClient::Exchange::TakeBody(std::span<const std::byte> data) {
  if (Status announced = AnnounceHead(); !announced) return announced;
  if (sink_ != nullptr) return sink_->Write(data);
  size_t room = request_.body_limit_bytes - response_.body.size();
  if (data.size() > room) {
    if (response_.status / 100 == 2) {
      return Error(ErrorCode::kUnsupported,
                   request_.method + " " + ShownUrl(request_.url) +
                       ": the answer is larger than " +
                       std::to_string(request_.body_limit_bytes) + " bytes");
    }
    data = data.first(room);
  }
  response_.body.append(reinterpret_cast<const char*>(data.data()),
                        data.size());
  return {};
}

size_t HttpClient::Exchange::OnBody(char* data, size_t size, size_t count,
                                    void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  Held held(exchange.watch_);
  size_t bytes = size * count;
  exchange.traffic_.Pace(exchange.host_, bytes, exchange.stop_);
  Status taken = exchange.TakeBody(std::as_bytes(std::span(data, bytes)));
  if (taken) return bytes;
  exchange.local_error_ = std::move(taken).error();
  return bytes == 0 ? 1 : 0;  // any other count than `bytes` is a failure
}

size_t HttpClient::Exchange::OnRead(char* data, size_t size, size_t count,
                                    void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  Held held(exchange.watch_);
  auto read =
      exchange.ReadBody(std::as_writable_bytes(std::span(data, size * count)));
  if (!read) {
    exchange.local_error_ = std::move(read).error();
    return CURL_READFUNC_ABORT;
  }
  exchange.traffic_.Pace(exchange.host_, *read, exchange.stop_);
  return *read;
}

Result<size_t> HttpClient::Exchange::ReadBody(std::span<std::byte> buffer) {
  if (!source_) {
    auto source = request_.open_body();
    if (!source) return std::move(source).error();
    source_ = std::move(source).value();
    given_bytes_ = 0;
  }
  // A piece at a time where the rate is limited, or nothing else moves
  // meanwhile.
  uint64_t piece = PieceBytes(traffic_.RateFor(host_));
  ASSIGN_OR_RETURN(
      size_t count,
      source_->Read(buffer.first(std::min<uint64_t>(buffer.size(), piece))));
  given_bytes_ += count;
  return count;
}

// curl asks for the start again where a kept connection turned out dead. One
// that took more than a socket holds was cut in the middle: what the registry
// has of that decides how to go on.
int HttpClient::Exchange::OnSeek(void* self, curl_off_t offset, int origin) {
  constexpr uint64_t kUnseenBytes = uint64_t{1} << 20;
  if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  auto& exchange = *static_cast<Exchange*>(self);
  if (exchange.given_bytes_ > kUnseenBytes) return CURL_SEEKFUNC_FAIL;
  exchange.source_.reset();
  return CURL_SEEKFUNC_OK;
}

// Called with every piece of data, and about once a second in a silence.
int HttpClient::Exchange::OnProgress(void* self, curl_off_t,
                                     curl_off_t received, curl_off_t,
                                     curl_off_t sent) {
  auto& exchange = *static_cast<Exchange*>(self);
  if (exchange.stop_.stop_requested()) return 1;
  const HttpRequest& request = exchange.request_;
  auto body_bytes = static_cast<curl_off_t>(
      request.open_body ? request.body_bytes : request.body.size());
  bool awaiting_answer =
      body_bytes > 0 && sent >= body_bytes && exchange.response_.status == 0;
  exchange.stalled_ = exchange.watch_.Check(
      Clock::now(), static_cast<uint64_t>(received + sent), awaiting_answer);
  return exchange.stalled_.empty() ? 0 : 1;
}

HttpResult HttpClient::Exchange::Finish(CURLcode code, const char* details) {
  if (code == CURLE_OK) {
    if (Status announced = AnnounceHead(); !announced) {
      local_error_ = std::move(announced).error();
    }
  }
  HttpResult result;
  result.response = std::move(response_);
  if (stop_.stop_requested()) {
    result.failure = HttpFailure::kLocal;
    result.error =
        Cancelled(request_.method + " " + ShownUrl(request_.url) + ": stopped");
  } else if (local_error_) {
    result.failure = HttpFailure::kLocal;
    result.error = std::move(local_error_);
  } else if (!stalled_.empty()) {
    result.failure = HttpFailure::kBroken;
    result.error = Error(ErrorCode::kUnavailable,
                         HostPort(request_.url) + ": " + stalled_);
  } else if (code != CURLE_OK) {
    result.failure = Classify(code);
    std::string reason =
        details[0] != '\0' ? details : curl_easy_strerror(code);
    ErrorCode error_code = result.failure == HttpFailure::kLocal
                               ? ErrorCode::kInvalidArgument
                               : ErrorCode::kUnavailable;
    result.error = Error(error_code, HostPort(request_.url) + ": " + reason);
  }
  return result;
}

HttpClient::HttpClient(const ClientOptions& options)
    : proxy_(options.proxy),
      user_agent_(options.user_agent),
      tls_(options.tls, SystemBundle()),
      connect_timeout_(options.connect_timeout),
      stall_limits_(options.stall),
      traffic_(options.traffic ? options.traffic : std::make_shared<Traffic>()),
      secrets_(std::make_shared<SentSecrets>()),
      pool_(std::make_unique<Pool>()) {
  static_cast<void>(InitCurl());  // a failure shows when a handle is wanted
}

HttpClient::~HttpClient() = default;

HttpResult HttpClient::SendOnce(const HttpRequest& request,
                                std::stop_token stop) const {
  CurlEasy handle = pool_->Take();
  CURL* curl = handle.get();
  if (curl == nullptr) {
    return LocalFailure(Internal(std::string("libcurl cannot be set up: ") +
                                 curl_easy_strerror(InitCurl())));
  }
  bool https = request.url.starts_with("https://");
  std::shared_ptr<const HostTls> tls;
  if (https) {
    auto found = tls_.For(WrittenAuthority(request.url));
    if (!found) return LocalFailure(std::move(found).error());
    tls = *found;
  }
  secrets_->Remember(request);
  std::string host = AuthorityOf(request.url);
  Traffic::Slot slot =
      traffic_->Enter(host, request.open_body != nullptr, stop);
  Exchange exchange(request, stall_limits_, *traffic_, stop);
  char details[CURL_ERROR_SIZE] = "";
  auto set = [curl](CURLoption option, auto value) {
    curl_easy_setopt(curl, option, value);
  };

  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_ERRORBUFFER, details);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, user_agent_.c_str());
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_BUFFERSIZE,
      static_cast<long>(PieceBytes(traffic_->RateFor(host))));
  set(CURLOPT_UPLOAD_BUFFERSIZE, static_cast<long>(kTransferBufferBytes));
  if (request.fresh_connection) {
    set(CURLOPT_FRESH_CONNECT, 1L);
    set(CURLOPT_FORBID_REUSE, 1L);
  }

  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect_timeout_.count()));
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(&exchange));
  set(CURLOPT_XFERINFOFUNCTION, &Exchange::OnProgress);

  std::string shown;
  if (tls) shown = SetTls(curl, request, *tls, tls_.options());
  certificate_was_asked_for = false;
  if (https && shown.empty()) {
    set(CURLOPT_SSL_CTX_FUNCTION, &WatchForCertificateRequest);
  }
  // An explicit value, even "", keeps curl from looking at the environment.
  bool direct = request.direct || IsLoopback(AuthorityOf(request.url));
  set(CURLOPT_PROXY, direct  ? ""
                     : https ? proxy_.https.c_str()
                             : proxy_.http.c_str());
  set(CURLOPT_NOPROXY, proxy_.no_proxy.c_str());

  CurlList headers;
  auto add_header = [&](const std::string& line) {
    headers.reset(curl_slist_append(headers.release(), line.c_str()));
  };
  for (const auto& [name, value] : request.headers.fields()) {
    add_header(name + ": " + value);
  }
  // The registry has authorised us before a body is sent, and one that does
  // not know "100-continue" would cost a second for each.
  add_header("Expect:");

  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request.open_body) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &Exchange::OnRead);
    set(CURLOPT_READDATA, static_cast<void*>(&exchange));
    set(CURLOPT_SEEKFUNCTION, &Exchange::OnSeek);
    set(CURLOPT_SEEKDATA, static_cast<void*>(&exchange));
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body_bytes));
  } else if (request.method == "POST" || request.method == "PUT" ||
             request.method == "PATCH") {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE,
        static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.c_str());
    if (request.headers.Get("Content-Type").empty()) {
      add_header("Content-Type:");  // curl would claim a form
    }
  }
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_HEADERFUNCTION, &Exchange::OnHeader);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&exchange));
  set(CURLOPT_WRITEFUNCTION, &Exchange::OnBody);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&exchange));

  CURLcode code;
  {
    BlockSigpipe block_sigpipe;
    code = curl_easy_perform(curl);
  }
  HttpResult result = exchange.Finish(code, details);
  result.response.secrets = secrets_;
  ExplainOurCertificate(shown, result);
  pool_->Return(std::move(handle));
  return result;
}

HttpResult HttpClient::Send(const HttpRequest& request,
                            std::stop_token stop) const {
  HttpResult result = SendOnce(request, stop);
  std::optional<HttpRequest> next;
  for (int hop = 1; result.failure == HttpFailure::kNone; ++hop) {
    int status = result.response.status;
    bool safe_method = request.method == "GET" || request.method == "HEAD";
    std::string location = result.response.headers.Get("Location");
    bool follow = IsRedirect(status) && !location.empty() &&
                  (safe_method || status == 307 || status == 308);
    if (!follow) break;

    if (!next) next = request;
    std::string target = ResolveUrl(next->url, location);
    auto fail = [&](const std::string& why) {
      result.failure = HttpFailure::kLocal;
      result.error =
          Error(ErrorCode::kUnsupported,
                request.method + " " + ShownUrl(request.url) + ": " + why);
    };
    if (hop > kMaxRedirects) {
      fail("more than " + std::to_string(kMaxRedirects) + " redirects");
      break;
    }
    bool plain = target.starts_with("http://");
    if (plain && next->url.starts_with("https://") && !request.insecure) {
      fail("redirected from https to " + OriginOf(target));
      break;
    }
    if (OriginOf(target) != OriginOf(next->url)) {
      next->headers.Remove("Authorization");
      next->show_certificate = false;
      // What the user said of one host does not hold for another.
      next->insecure = IsLoopback(AuthorityOf(target));
    }
    next->url = std::move(target);
    result = SendOnce(*next, stop);
  }
  return result;
}

}  // namespace strake::registry
