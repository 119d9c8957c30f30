// Which form of upload? One PUT with everything is the only form that every
// registry takes (Google's Artifact Registry refuses PATCH), and two requests
// a blob. Several requests are needed where something limits the size of one
// (413), and to continue what was cut off. So: one request first, unless the
// caller wants chunks; chunks after a 413, which all later uploads to that host
// begin with; and after a failure the registry is asked how much it has, and
// the rest is sent as PATCH.
//
// What of a request that is cut counts? Ours and others keep what has arrived.
// docker-registry, and what is made from it, gives up the whole session, since
// its Location seals how much it has. So what is left after a cut goes in
// chunks that are smaller than what went through, each on a connection of its
// own: whatever ends connections that have carried much, ends none in the
// middle of one, and the answer to a chunk is safe with every registry.

#include "registry/blob_upload.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "registry/registry_error.h"
#include "registry/upload_part.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

constexpr uint64_t kFirstSmallerChunk = uint64_t{32} << 20;
constexpr uint64_t kChunkAfterCut = uint64_t{16} << 20;
constexpr uint64_t kSmallestChunk = uint64_t{1} << 20;

// A session that answers so often that it cannot take anything now may be held
// by a request of ours that is long dead.
constexpr int kRefusalsOfASession = 3;

bool IsOneOf(int status, std::initializer_list<int> statuses) {
  return std::ranges::find(statuses, status) != statuses.end();
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
        stop_(stop),
        retries_(transport.NewRetries(stop)),
        chunk_bytes_(chunk_bytes) {
    on_bytes_ = [this, &on_bytes](uint64_t position) {
      sent_up_to_ = std::max(sent_up_to_, position);
      if (on_bytes) on_bytes(position);
    };
  }

  Status Run();

 private:
  // What one request brought about.
  enum class Step { kGoOn, kDone };

  ApiRequest Request(const std::string& method, std::string url) const;
  void TakeHabits();
  Status StartSession();
  void DropSession();
  Result<Step> SendPart();
  ApiRequest PartRequest(uint64_t part_bytes, bool closes) const;
  Status TakeProgress(const HttpResponse& response, uint64_t part_bytes);
  Result<Step> Refused(const HttpResult& result, uint64_t part_bytes,
                       bool closes);
  Result<Step> Recover(const HttpResult& result, bool closing);
  Error Failure(const HttpResult& result, bool closing) const;
  bool UseSmallerChunks(uint64_t refused_bytes);
  bool UseOneRequest(const HttpResult& result);
  void UseChunksAfterCut(uint64_t most_bytes);
  Result<Step> Resynchronise(bool closing, bool cut, bool distrust_session);
  bool IsThere();
  Status TakeLocation(const HttpResponse& response);
  void MoveTo(uint64_t offset);

  Transport& transport_;
  const oci::Reference& repository_;
  const oci::Descriptor& blob_;
  const BlobOpener& open_;
  BytesCallback on_bytes_;
  std::stop_token stop_;
  Retries retries_;

  Endpoint endpoint_;
  std::string host_;      // the endpoint's
  UploadHabits habits_;   // of that host
  uint64_t chunk_bytes_;  // 0: all that is left in one request
  uint64_t min_chunk_bytes_ = 0;
  bool fresh_connections_ = false;
  bool patch_accepted_ = false;
  bool digest_refused_ = false;
  int refusals_ = 0;         // in a row
  bool was_behind_ = false;  // the registry had less than it was sent
  std::string location_;     // of the session; empty: none
  uint64_t offset_ = 0;      // what the session holds
  uint64_t sent_up_to_ = 0;  // in this session
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

// What earlier uploads to this host found out.
void Upload::TakeHabits() {
  Traffic& traffic = transport_.traffic();
  uint64_t configured = traffic.ChunkBytesFor(host_);
  if (configured > 0) chunk_bytes_ = configured;
  habits_ = traffic.HabitsOf(host_);
  if (habits_.refuses_patch) {
    chunk_bytes_ = 0;
  } else if (habits_.largest_request > 0) {
    uint64_t wanted = chunk_bytes_ == 0 ? ~uint64_t{0} : chunk_bytes_;
    chunk_bytes_ = std::min(wanted, habits_.largest_request);
  }
}

void Upload::DropSession() {
  location_.clear();
  offset_ = 0;
  sent_up_to_ = 0;
}

Status Upload::StartSession() {
  DropSession();
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
  request.http.fresh_connection = fresh_connections_;
  request.http.open_body =
      [this, part_bytes]() -> Result<std::unique_ptr<ByteSource>> {
    ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, open_(offset_));
    return OpenPart(std::move(source), offset_, part_bytes, on_bytes_);
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
  bool accepted =
      result.failure == HttpFailure::kNone &&
      IsOneOf(status, closes ? std::initializer_list<int>{200, 201, 204}
                             : std::initializer_list<int>{201, 202, 204});
  if (!accepted) return Refused(result, part, closes);
  if (closes) return Step::kDone;
  patch_accepted_ = true;
  refusals_ = 0;
  RETURN_IF_ERROR(TakeProgress(result.response, part));
  return Step::kGoOn;
}

Status Upload::TakeProgress(const HttpResponse& response, uint64_t part_bytes) {
  RETURN_IF_ERROR(TakeLocation(response));
  uint64_t sent = offset_ + part_bytes;
  uint64_t received = ReceivedBytes(response).value_or(sent);
  // One that appends what it is sent, whatever range it is of, has what it
  // first denied twice.
  if (received > sent && was_behind_ && retries_.WaitForNext()) {
    DropSession();
    on_bytes_(0);
    return {};
  }
  if (received > sent) {
    return Error(ErrorCode::kUnsupported,
                 "the registry claims to have " + std::to_string(received) +
                     " bytes of " + std::to_string(sent) + " sent");
  }
  MoveTo(received);
  was_behind_ |= received < sent;
  // One that never takes all of what it is given is not to be served for ever.
  if (received < sent && !retries_.WaitForNext()) {
    if (stop_.stop_requested()) return Cancelled("stopped");
    return Error(ErrorCode::kUnavailable,
                 "the registry has only " + std::to_string(received) +
                     " bytes of " + std::to_string(sent) +
                     " sent, again and again" + retries_.Note());
  }
  return {};
}

Result<Upload::Step> Upload::Refused(const HttpResult& result,
                                     uint64_t part_bytes, bool closes) {
  if (!closes && UseOneRequest(result)) return Step::kGoOn;
  bool answered = result.failure == HttpFailure::kNone;
  if (answered && result.response.status == 413 &&
      UseSmallerChunks(part_bytes)) {
    return Resynchronise(false, false, false);
  }
  // Once: on the way it may have been changed; what we have may be wrong.
  bool wrong_digest =
      answered && closes &&
      AnswerError("", result.response).code() == ErrorCode::kCorrupt;
  if (wrong_digest && !digest_refused_) {
    digest_refused_ = true;
    DropSession();
    on_bytes_(0);
    return Step::kGoOn;
  }
  return Recover(result, closes);
}

// A transfer that goes forward may fail any number of times; one that goes to
// and fro may not.
void Upload::MoveTo(uint64_t offset) {
  offset_ = offset;
  if (offset_ > furthest_failure_ &&
      IsProgress(offset_ - furthest_failure_, blob_.size_bytes)) {
    retries_.Restart();
  }
}

bool Upload::UseSmallerChunks(uint64_t refused_bytes) {
  uint64_t smaller = std::min(kFirstSmallerChunk, refused_bytes / 2);
  if (habits_.refuses_patch ||
      smaller < std::max(kSmallestChunk, min_chunk_bytes_)) {
    return false;
  }
  chunk_bytes_ = smaller;
  habits_.largest_request = smaller;
  return true;
}

// Whether a PATCH was refused as such, and one PUT is still worth a try.
bool Upload::UseOneRequest(const HttpResult& result) {
  bool refused = result.failure == HttpFailure::kNone &&
                 IsOneOf(result.response.status, {400, 404, 405, 415, 501});
  if (!refused || patch_accepted_ || habits_.largest_request > 0) return false;
  // A session that is unknown says nothing of requests that are.
  if (DescribeAnswer(result.response).find("BLOB_UPLOAD_") !=
      std::string::npos) {
    return false;
  }
  habits_.refuses_patch = true;
  chunk_bytes_ = 0;
  DropSession();
  return true;
}

void Upload::UseChunksAfterCut(uint64_t most_bytes) {
  if (habits_.refuses_patch) return;
  fresh_connections_ = true;
  uint64_t chunk = std::clamp(most_bytes, kSmallestChunk, kChunkAfterCut);
  if (chunk_bytes_ > 0) chunk = std::min(chunk, chunk_bytes_);
  chunk_bytes_ = std::max(chunk, min_chunk_bytes_);
}

Result<Upload::Step> Upload::Recover(const HttpResult& result, bool closing) {
  bool answered = result.failure == HttpFailure::kNone;
  int status = result.response.status;
  // 404: the session is lost. 416: we and the registry differ on the offset.
  bool mendable =
      IsRetryable(result) || (answered && IsOneOf(status, {404, 416}));
  if (mendable && retries_.WaitForNext(RetryAfterOf(result.response))) {
    furthest_failure_ = std::max(furthest_failure_, offset_);
    bool cut = result.failure == HttpFailure::kBroken && sent_up_to_ > offset_;
    if (cut) UseChunksAfterCut(kChunkAfterCut);
    refusals_ = answered ? refusals_ + 1 : 0;
    if (refusals_ >= kRefusalsOfASession && !(closing && IsThere())) {
      DropSession();
      on_bytes_(0);
      return Step::kGoOn;
    }
    return Resynchronise(closing, cut, answered && status == 416);
  }
  if (stop_.stop_requested()) return Cancelled("stopped");
  return Failure(result, closing);
}

Error Upload::Failure(const HttpResult& result, bool closing) const {
  if (result.failure != HttpFailure::kNone) {
    return Error(result.error->code(),
                 result.error->message() + retries_.Note());
  }
  HttpResponse response = result.response;
  response.note = retries_.Note();
  if (response.status == 413 && habits_.refuses_patch) {
    response.note += "; it takes blobs in one request only";
  }
  return AnswerError(closing ? "end of the upload" : "upload", response);
}

// Asks the session how much it holds. A session that cannot tell, that says
// again what it did not keep to (`distrust_session`), or that claims what it
// was never sent, is given up for a new one.
//   cut  the last request was cut in the middle
Result<Upload::Step> Upload::Resynchronise(bool closing, bool cut,
                                           bool distrust_session) {
  // The PUT may have succeeded, and only its answer been lost.
  if (closing && IsThere()) {
    on_bytes_(blob_.size_bytes);
    return Step::kDone;
  }
  HttpResult result = transport_.SendOnce(Request("GET", location_), stop_);
  // The request that was cut may still have the session.
  for (int i = 0; i < 2 && IsRetryable(result); ++i) {
    if (!retries_.WaitForNext(RetryAfterOf(result.response))) break;
    result = transport_.SendOnce(Request("GET", location_), stop_);
  }
  auto received = ReceivedBytes(result.response);
  bool usable = result.failure == HttpFailure::kNone &&
                IsOneOf(result.response.status, {200, 202, 204}) && received &&
                *received <= sent_up_to_ &&
                !(habits_.refuses_patch && *received > 0) &&
                !(distrust_session && *received == offset_);
  if (usable) {
    RETURN_IF_ERROR(TakeLocation(result.response));
    MoveTo(*received);
  } else {
    if (cut) UseChunksAfterCut((sent_up_to_ - offset_) / 2);
    DropSession();
  }
  on_bytes_(offset_);
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
  host_ = AuthorityOf(endpoint_.Origin());
  TakeHabits();
  while (true) {
    if (location_.empty()) RETURN_IF_ERROR(StartSession());
    ASSIGN_OR_RETURN(Step step, SendPart());
    if (step == Step::kDone) break;
  }
  transport_.traffic().Learn(host_, habits_);
  return {};
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
