// Which form of upload? One PUT with everything is the only form that every
// registry takes (Google's Artifact Registry refuses PATCH), and two requests
// a blob. Several requests are needed where something limits the size of one
// (413), and to continue what was cut off. So: one request first, unless the
// caller wants chunks; chunks after a 413; and after a failure the registry is
// asked how much it has, and the rest is sent as PATCH.

#include "registry/blob_upload.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "registry/registry_error.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

constexpr uint64_t kFirstSmallerChunk = uint64_t{32} << 20;
constexpr uint64_t kSmallestChunk = uint64_t{1} << 20;

// Exactly `size_bytes` bytes of `inner`, reporting each read.
class PartSource final : public ByteSource {
 public:
  PartSource(std::unique_ptr<ByteSource> inner, uint64_t offset,
             uint64_t size_bytes, const BytesCallback& on_bytes)
      : inner_(std::move(inner)),
        position_(offset),
        end_(offset + size_bytes),
        on_bytes_(on_bytes) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    uint64_t left = end_ - position_;
    buffer = buffer.first(std::min<uint64_t>(buffer.size(), left));
    if (buffer.empty()) return size_t{0};
    ASSIGN_OR_RETURN(size_t count, inner_->Read(buffer));
    if (count == 0) {
      return Corrupt("the local copy ends " + std::to_string(left) +
                     " bytes before its size");
    }
    position_ += count;
    if (on_bytes_) on_bytes_(position_);
    return count;
  }

 private:
  std::unique_ptr<ByteSource> inner_;
  uint64_t position_;
  uint64_t end_;
  const BytesCallback& on_bytes_;
};

// The size received so far, from "0-99" or "bytes=0-99" (Docker's older
// registries).
std::optional<uint64_t> ReceivedOf(std::string_view range) {
  range = Trim(range);
  if (range.starts_with("bytes=")) range.remove_prefix(6);
  auto parts = SplitOnce(range, '-');
  if (!parts) return {};
  auto last = ParseUint(Trim(parts->second));
  if (!last) return {};
  return *last + 1;
}

class Upload {
 public:
  Upload(Transport& transport, const oci::Reference& repository,
         const oci::Descriptor& blob, const BlobOpener& open,
         uint64_t chunk_bytes, const BytesCallback& on_bytes,
         std::stop_token stop)
      : transport_(transport),
        repository_(repository),
        blob_(blob),
        open_(open),
        on_bytes_(on_bytes),
        stop_(stop),
        retries_(transport.retry_policy(), stop),
        chunk_bytes_(chunk_bytes) {}

  Status Run();

 private:
  // What one request brought about.
  enum class Step { kGoOn, kDone };

  ApiRequest Request(const std::string& method, std::string url) const;
  Status StartSession();
  Result<Step> SendPart();
  ApiRequest PartRequest(uint64_t part_bytes, bool closes) const;
  Result<Step> Recover(const HttpResult& result, bool closing);
  bool UseSmallerChunks(uint64_t refused_bytes);
  bool UseOneRequest(const HttpResult& result);
  Result<Step> Resynchronise(bool closing, bool distrust_session);
  bool IsThere();
  Status TakeLocation(const HttpResponse& response);
  void MoveTo(uint64_t offset);

  Transport& transport_;
  const oci::Reference& repository_;
  const oci::Descriptor& blob_;
  const BlobOpener& open_;
  const BytesCallback& on_bytes_;
  std::stop_token stop_;
  Retries retries_;

  Endpoint endpoint_;
  uint64_t chunk_bytes_;  // 0: all that is left in one request
  uint64_t min_chunk_bytes_ = 0;
  bool chunks_forced_ = false;  // by a 413
  bool patch_refused_ = false;
  std::string location_;  // of the session; empty: none
  uint64_t offset_ = 0;   // what the session holds
  uint64_t furthest_failure_ = 0;
};

ApiRequest Upload::Request(const std::string& method, std::string url) const {
  ApiRequest request;
  request.target = {repository_.registry, repository_.repository};
  request.endpoint = endpoint_;
  request.scopes = {RepositoryScope(repository_.repository, "pull,push")};
  request.http.method = method;
  request.http.url = std::move(url);
  return request;
}

// Keeps the session where it was if the answer names no place.
Status Upload::TakeLocation(const HttpResponse& response) {
  std::string location = response.headers.Get("Location");
  if (location.empty()) return {};
  location = ResolveUrl(response.url, location);
  if (location.starts_with("http://") && endpoint_.verify_tls) {
    // A registry behind a proxy that ends TLS may not know its own scheme.
    std::string secure = "https" + location.substr(4);
    if (OriginOf(secure) != OriginOf(endpoint_.Origin())) {
      return Error(ErrorCode::kUnsupported,
                   "the registry wants the content in plain HTTP at " +
                       OriginOf(location));
    }
    location = std::move(secure);
  }
  location_ = std::move(location);
  return {};
}

Status Upload::StartSession() {
  offset_ = 0;
  location_.clear();
  ASSIGN_OR_RETURN(
      HttpResponse response,
      transport_.Send(
          Request("POST", UploadsUrl(endpoint_, repository_.repository)),
          stop_));
  if (response.status != 202) {
    return AnswerError("start of the upload", response);
  }
  RETURN_IF_ERROR(TakeLocation(response));
  if (location_.empty()) {
    return Error(ErrorCode::kUnsupported,
                 "start of the upload: the registry answered 202 without a "
                 "Location");
  }
  // distribution-spec, "Pushing a blob in chunks": smaller chunks are refused.
  min_chunk_bytes_ =
      ParseUint(response.headers.Get("OCI-Chunk-Min-Length")).value_or(0);
  if (chunk_bytes_ > 0) {
    chunk_bytes_ = std::max(chunk_bytes_, min_chunk_bytes_);
  }
  return {};
}

ApiRequest Upload::PartRequest(uint64_t part_bytes, bool closes) const {
  ApiRequest request = Request(closes ? "PUT" : "PATCH", location_);
  if (closes) {
    request.http.url =
        WithQuery(request.http.url, "digest", blob_.digest.ToString());
  }
  request.http.headers.Add("Content-Type", "application/octet-stream");
  if (part_bytes == 0) return request;
  if (!closes) {
    request.http.headers.Add("Content-Range",
                             std::to_string(offset_) + "-" +
                                 std::to_string(offset_ + part_bytes - 1));
  }
  request.http.body_bytes = part_bytes;
  request.http.open_body =
      [this, part_bytes]() -> Result<std::unique_ptr<ByteSource>> {
    ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, open_(offset_));
    return std::unique_ptr<ByteSource>(std::make_unique<PartSource>(
        std::move(source), offset_, part_bytes, on_bytes_));
  };
  return request;
}

// One PUT or PATCH. Everything in the closing PUT where nothing has been sent
// and no chunk size is set; otherwise PATCHes, and an empty PUT at the end.
Result<Upload::Step> Upload::SendPart() {
  uint64_t left = blob_.size_bytes - offset_;
  uint64_t part = chunk_bytes_ == 0 ? left : std::min(left, chunk_bytes_);
  bool closes = left == 0 || (offset_ == 0 && part == left);
  ApiRequest request = PartRequest(part, closes);
  HttpResult result = transport_.SendOnce(request, stop_);
  int status = result.response.status;
  bool accepted = result.failure == HttpFailure::kNone &&
                  (closes ? status == 201 || status == 204 || status == 200
                          : status == 202 || status == 204 || status == 201);
  if (!accepted) {
    if (!closes && UseOneRequest(result)) return Step::kGoOn;
    if (status == 413 && UseSmallerChunks(part)) {
      return Resynchronise(false, false);
    }
    return Recover(result, closes);
  }
  if (closes) return Step::kDone;
  RETURN_IF_ERROR(TakeLocation(result.response));
  uint64_t sent_up_to = offset_ + part;
  uint64_t received =
      ReceivedOf(result.response.headers.Get("Range")).value_or(sent_up_to);
  if (received > sent_up_to) {
    return Error(ErrorCode::kUnsupported,
                 "the registry claims to have " + std::to_string(received) +
                     " bytes of " + std::to_string(sent_up_to) + " sent");
  }
  MoveTo(received);
  return Step::kGoOn;
}

// A transfer that goes forward may fail any number of times; one that goes to
// and fro may not.
void Upload::MoveTo(uint64_t offset) {
  offset_ = offset;
  if (offset_ > furthest_failure_ + blob_.size_bytes / 100) {
    retries_.Restart();
  }
}

bool Upload::UseSmallerChunks(uint64_t refused_bytes) {
  uint64_t smaller = std::min(kFirstSmallerChunk, refused_bytes / 2);
  if (patch_refused_ || smaller < std::max(kSmallestChunk, min_chunk_bytes_)) {
    return false;
  }
  chunk_bytes_ = smaller;
  chunks_forced_ = true;
  return true;
}

// Whether a PATCH was refused as such, and one PUT is still worth a try.
bool Upload::UseOneRequest(const HttpResult& result) {
  int status = result.response.status;
  bool refused = result.failure == HttpFailure::kNone &&
                 (status == 400 || status == 404 || status == 405 ||
                  status == 415 || status == 501);
  if (!refused || chunks_forced_) return false;
  patch_refused_ = true;
  chunk_bytes_ = 0;
  location_.clear();
  return true;
}

Result<Upload::Step> Upload::Recover(const HttpResult& result, bool closing) {
  bool answered = result.failure == HttpFailure::kNone;
  int status = result.response.status;
  // 404: the session is lost. 416: we and the registry differ on the offset.
  bool mendable =
      IsRetryable(result) || (answered && (status == 404 || status == 416));
  if (mendable && retries_.WaitForNext(RetryAfterOf(result.response))) {
    furthest_failure_ = std::max(furthest_failure_, offset_);
    return Resynchronise(closing, answered && status == 416);
  }
  if (stop_.stop_requested()) return Cancelled("stopped");
  if (!answered) return *result.error;
  return AnswerError(closing ? "end of the upload" : "upload", result.response);
}

// Asks the session how much it holds. A session that cannot tell, or that says
// again what it did not keep to (`distrust_session`), is given up for a new
// one.
Result<Upload::Step> Upload::Resynchronise(bool closing,
                                           bool distrust_session) {
  // The PUT may have succeeded, and only its answer been lost.
  if (closing && IsThere()) {
    if (on_bytes_) on_bytes_(blob_.size_bytes);
    return Step::kDone;
  }
  HttpResult result = transport_.SendOnce(Request("GET", location_), stop_);
  int status = result.response.status;
  auto received = ReceivedOf(result.response.headers.Get("Range"));
  // "0-0" is what registries say of nothing, and of one byte.
  if (received == uint64_t{1}) received = 0;
  bool usable = result.failure == HttpFailure::kNone &&
                (status == 204 || status == 202 || status == 200) && received &&
                *received <= blob_.size_bytes &&
                !(patch_refused_ && *received > 0) &&
                !(distrust_session && *received == offset_);
  if (usable) {
    RETURN_IF_ERROR(TakeLocation(result.response));
    MoveTo(*received);
  } else {
    location_.clear();
    offset_ = 0;
  }
  if (on_bytes_) on_bytes_(offset_);
  return Step::kGoOn;
}

bool Upload::IsThere() {
  ApiRequest request =
      Request("HEAD", BlobUrl(endpoint_, repository_.repository, blob_.digest));
  HttpResult result = transport_.SendOnce(request, stop_);
  return result.failure == HttpFailure::kNone && result.response.status == 200;
}

Status Upload::Run() {
  ASSIGN_OR_RETURN(endpoint_, transport_.Connect(repository_, stop_));
  while (true) {
    if (location_.empty()) RETURN_IF_ERROR(StartSession());
    ASSIGN_OR_RETURN(Step step, SendPart());
    if (step == Step::kDone) return {};
  }
}

}  // namespace

Status UploadBlob(Transport& transport, const oci::Reference& repository,
                  const oci::Descriptor& blob, const BlobOpener& open,
                  uint64_t chunk_bytes, const BytesCallback& on_bytes,
                  std::stop_token stop) {
  Status uploaded =
      Upload(transport, repository, blob, open, chunk_bytes, on_bytes, stop)
          .Run();
  if (uploaded) return {};
  return std::move(uploaded).error().Wrap(
      "upload of blob " + blob.digest.ToString() + " to " + repository.Name());
}

}  // namespace strake::registry
