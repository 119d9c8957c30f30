// The record file holds one JSON object a line, the last of a key counts:
//   {"key": K, "from": F, "etag": E, "modified": SECONDS,
//    "digest": "sha256:...", "size": N}
// K is the digest of the URL, F what of it is no secret.
#include "builder/context/http_source.h"

#include <fcntl.h>
#include <time.h>

#include <cstdio>
#include <map>
#include <utility>

#include "builder/context/remote_url.h"
#include "registry/http_client.h"
#include "util/atomic_file.h"
#include "util/guarded.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::context {
namespace {

using nlohmann::json;

struct Record {
  std::string etag;
  FetchedFile file;
};

Status ReadRecord(std::string_view line, std::map<std::string, Record>& out) {
  ASSIGN_OR_RETURN(json document, ParseJson(line));
  JsonField root(document);
  ASSIGN_OR_RETURN(std::string key, root.At("key").String());
  Record record;
  ASSIGN_OR_RETURN(record.etag, root.At("etag").String());
  ASSIGN_OR_RETURN(int64_t modified, root.At("modified").Int());
  record.file.modified = std::chrono::seconds(modified);
  ASSIGN_OR_RETURN(std::string digest, root.At("digest").String());
  ASSIGN_OR_RETURN(record.file.digest, oci::Digest::Parse(digest));
  ASSIGN_OR_RETURN(record.file.size_bytes, root.At("size").Uint());
  out[key] = std::move(record);
  return {};
}

std::string KeyOf(const std::string& url) {
  return oci::Digest::Of(url).ToString();
}

std::string WriteRecord(const std::string& url, const Record& record) {
  return DumpJson(json{{"key", KeyOf(url)},
                       {"from", WithoutSecrets(url)},
                       {"etag", record.etag},
                       {"modified", record.file.modified.count()},
                       {"digest", record.file.digest.ToString()},
                       {"size", record.file.size_bytes}}) +
         "\n";
}

// Where the body goes, and what is told of it.
class ReportingSink final : public ByteSink {
 public:
  ReportingSink(ByteSink& next, uint64_t total,
                const std::function<void(uint64_t, uint64_t)>& on_bytes)
      : next_(next), total_(total), on_bytes_(on_bytes) {}
  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override {
    RETURN_IF_ERROR(next_.Write(data));
    current_ += data.size();
    if (on_bytes_) on_bytes_(current_, total_);
    return {};
  }

 private:
  ByteSink& next_;
  uint64_t total_;
  uint64_t current_ = 0;
  const std::function<void(uint64_t, uint64_t)>& on_bytes_;
};

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, IMF-fixdate), which is what
// servers send; 0 for anything else.
std::chrono::seconds ParseHttpDate(const std::string& text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  struct tm date = {};
  char month[4] = {};
  int matched = std::sscanf(text.c_str(), "%*3s, %d %3s %d %d:%d:%d GMT",
                            &date.tm_mday, month, &date.tm_year, &date.tm_hour,
                            &date.tm_min, &date.tm_sec);
  size_t at = kMonths.find(month);
  if (matched != 6 || at == std::string_view::npos || at % 3 != 0) return {};
  date.tm_mon = static_cast<int>(at / 3);
  date.tm_year -= 1900;
  return std::chrono::seconds(::timegm(&date));
}

Error StatusError(const std::string& url, int status) {
  std::string message = "fetch " + WithoutSecrets(url) +
                        ": the server answered " + std::to_string(status);
  if (status == 404 || status == 410) return NotFound(std::move(message));
  if (status == 401 || status == 403) {
    return Error(ErrorCode::kUnauthorized,
                 message + "; give a token with --secret id=HTTP_AUTH_TOKEN_" +
                     HostOf(url) + ",env=NAME");
  }
  return Error(ErrorCode::kUnavailable, std::move(message));
}

}  // namespace

struct HttpSource::Impl {
  Impl(const registry::ClientOptions& options, const oci::BlobStore& blobs,
       const Secrets& known_secrets, std::string path)
      : client(options),
        store(blobs),
        secrets(known_secrets),
        records_path(std::move(path)) {
    auto text = ReadFile(records_path, uint64_t{256} << 20);
    if (!text) return;
    auto known = records.lock();
    for (std::string_view line : Split(*text, '\n')) {
      // A torn line is a download that is done again.
      (void)ReadRecord(line, *known).has_value();
    }
  }

  std::optional<Record> Find(const std::string& url) {
    auto known = records.lock();
    auto it = known->find(KeyOf(url));
    if (it == known->end()) return {};
    if (!store.Contains(it->second.file.digest)) return {};
    return it->second;
  }

  Status Remember(const std::string& url, const Record& record) {
    (*records.lock())[KeyOf(url)] = record;
    std::string line = WriteRecord(url, record);
    ASSIGN_OR_RETURN(
        UniqueFd fd,
        OpenFile(records_path.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0600));
    return WriteFully(fd.get(),
                      std::as_bytes(std::span(line.data(), line.size())));
  }

  void Authorize(const std::string& url, registry::HttpRequest& request) const {
    std::string host = HostOf(url);
    if (const std::string* header = secrets.Find("HTTP_AUTH_HEADER_" + host)) {
      request.headers.Add("Authorization", std::string(Trim(*header)));
    } else if (const std::string* token =
                   secrets.Find("HTTP_AUTH_TOKEN_" + host)) {
      request.headers.Add("Authorization",
                          "Bearer " + std::string(Trim(*token)));
    }
  }

  Result<FetchedFile> Download(
      const std::string& url, const std::optional<Record>& known,
      const std::function<void(uint64_t, uint64_t)>& on_bytes,
      std::stop_token stop) {
    registry::HttpRequest request;
    request.url = url;
    Authorize(url, request);
    if (known && !known->etag.empty()) {
      request.headers.Add("If-None-Match", known->etag);
    }
    std::unique_ptr<oci::BlobWriter> blob;
    std::unique_ptr<ReportingSink> sink;
    request.on_head =
        [&](const registry::HttpResponse& head) -> Result<ByteSink*> {
      if (head.status != 200) return static_cast<ByteSink*>(nullptr);
      ASSIGN_OR_RETURN(blob, store.Create());
      uint64_t total =
          ParseUint(head.headers.Get("Content-Length")).value_or(0);
      sink = std::make_unique<ReportingSink>(*blob, total, on_bytes);
      return static_cast<ByteSink*>(sink.get());
    };
    registry::HttpResult result = client.Send(request, stop);
    if (result.error) {
      return std::move(*result.error).Wrap("fetch " + WithoutSecrets(url));
    }
    if (result.response.status == 304 && known) return known->file;
    if (result.response.status != 200 || blob == nullptr) {
      return StatusError(url, result.response.status);
    }
    ASSIGN_OR_RETURN(oci::BlobInfo stored, blob->Commit());
    Record record;
    record.etag = result.response.headers.Get("ETag");
    record.file.digest = stored.digest;
    record.file.size_bytes = stored.size_bytes;
    std::string modified = result.response.headers.Get("Last-Modified");
    if (!modified.empty()) {
      record.file.modified = ParseHttpDate(modified);
    }
    RETURN_IF_ERROR(Remember(url, record));
    return record.file;
  }

  registry::HttpClient client;
  const oci::BlobStore& store;
  const Secrets& secrets;
  std::string records_path;
  Guarded<std::map<std::string, Record>> records;  // by key
};

HttpSource::HttpSource(const registry::ClientOptions& options,
                       const oci::BlobStore& store, const Secrets& secrets,
                       std::string records_path)
    : impl_(std::make_unique<Impl>(options, store, secrets,
                                   std::move(records_path))) {}
HttpSource::~HttpSource() = default;

Result<FetchedFile> HttpSource::Fetch(
    const std::string& url, const std::optional<oci::Digest>& checksum,
    const std::function<void(uint64_t, uint64_t)>& on_bytes,
    std::stop_token stop) {
  std::optional<Record> known = impl_->Find(url);
  // What the checksum promises is in the store: no need to ask anybody.
  if (known && checksum && known->file.digest == *checksum) {
    return known->file;
  }
  ASSIGN_OR_RETURN(FetchedFile file,
                   impl_->Download(url, known, on_bytes, stop));
  if (checksum && file.digest != *checksum) {
    return Corrupt("digest mismatch " + file.digest.ToString() + ": " +
                   checksum->ToString() + " was expected of " +
                   WithoutSecrets(url));
  }
  return file;
}

}  // namespace strake::builder::context
