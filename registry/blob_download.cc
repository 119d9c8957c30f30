#include "registry/blob_download.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "oci/digest.h"
#include "registry/registry_error.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

// Takes the bodies of one answer after another, each of which may begin before
// the place where the last one broke off.
class ResumableSink final : public ByteSink {
 public:
  ResumableSink(const oci::Descriptor& blob, const BlobSinkOpener& open,
                const BytesCallback& on_bytes)
      : blob_(blob), open_(open), on_bytes_(on_bytes) {}

  // Begins the blob, also anew. False where nothing takes it any more.
  Result<bool> Begin() {
    ASSIGN_OR_RETURN(next_, open_());
    hasher_ = oci::Hasher();
    received_bytes_ = 0;
    skip_bytes_ = 0;
    return next_ != nullptr;
  }

  // The next body begins at byte `offset` of the blob, which is not beyond
  // `received_bytes`.
  void BeginAt(uint64_t offset) { skip_bytes_ = received_bytes_ - offset; }

  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override {
    size_t skipped = std::min<uint64_t>(skip_bytes_, data.size());
    skip_bytes_ -= skipped;
    data = data.subspan(skipped);
    if (data.empty()) return {};
    if (data.size() > blob_.size_bytes - received_bytes_) {
      return Corrupt("longer than the " + std::to_string(blob_.size_bytes) +
                     " bytes that its descriptor promises");
    }
    hasher_.Update(data);
    RETURN_IF_ERROR(next_->Write(data));
    received_bytes_ += data.size();
    if (on_bytes_) on_bytes_(received_bytes_);
    return {};
  }

  uint64_t received_bytes() const { return received_bytes_; }
  bool complete() const { return received_bytes_ == blob_.size_bytes; }
  oci::Digest TakeDigest() { return hasher_.Finish(); }

 private:
  const oci::Descriptor& blob_;
  const BlobSinkOpener& open_;
  const BytesCallback& on_bytes_;
  ByteSink* next_ = nullptr;
  oci::Hasher hasher_;
  uint64_t received_bytes_ = 0;
  uint64_t skip_bytes_ = 0;
};

// The first byte's position in "bytes 100-199/200".
std::optional<uint64_t> StartOfContentRange(std::string_view value) {
  value = Trim(value);
  if (!value.starts_with("bytes ")) return {};
  value.remove_prefix(6);
  return ParseUint(Trim(value.substr(0, value.find('-'))));
}

// Where the body of `head` belongs; null for a refusal, whose body is kept.
Result<ByteSink*> PlaceBody(const HttpResponse& head, ResumableSink& sink) {
  if (head.status == 200) {
    sink.BeginAt(0);
    return static_cast<ByteSink*>(&sink);
  }
  if (head.status != 206) return nullptr;
  std::string range = head.headers.Get("Content-Range");
  auto start = StartOfContentRange(range);
  if (!start || *start > sink.received_bytes()) {
    return Error(ErrorCode::kUnsupported,
                 "asked for the bytes from " +
                     std::to_string(sink.received_bytes()) +
                     " on, the registry sent \"" + range + "\"");
  }
  sink.BeginAt(*start);
  return static_cast<ByteSink*>(&sink);
}

// One place that may have the blob.
struct Place {
  oci::Reference repository = {};
  std::string url = {};  // empty: where the registry keeps blobs
};

// Mirrors, the registry itself, and last where the descriptor says.
std::vector<Place> PlacesOf(std::span<const oci::Reference> repositories,
                            const oci::Descriptor& blob) {
  std::vector<Place> places;
  for (const oci::Reference& repository : repositories) {
    places.push_back({repository, ""});
  }
  for (const std::string& url : blob.urls) {
    if (url.starts_with("https://") || url.starts_with("http://")) {
      places.push_back({repositories.back(), url});
    }
  }
  return places;
}

HttpResult FailedWith(HttpResult result, HttpFailure failure, Error error) {
  result.failure = failure;
  result.error = std::move(error);
  return result;
}

class Download {
 public:
  Download(Transport& transport, std::span<const oci::Reference> repositories,
           const oci::Descriptor& blob, const BlobSinkOpener& open,
           const BytesCallback& on_bytes, std::stop_token stop)
      : transport_(transport),
        blob_(blob),
        stop_(stop),
        sink_(blob, open, on_bytes),
        retries_(transport.NewRetries(stop)),
        mirrors_(repositories.size() - 1),
        places_(PlacesOf(repositories, blob)) {}

  Status Run();

 private:
  std::string What() const;
  // Tries the present place once: done where the answer is a 200 or 206 and
  // nothing failed.
  HttpResult Try();
  HttpResult Checked(HttpResult result);
  bool GoOn(const HttpResult& result);
  Result<bool> BeginAgain();
  bool NextPlace(const HttpResult& result);
  ApiRequest Request(const Endpoint& endpoint, const Place& place);

  Transport& transport_;
  const oci::Descriptor& blob_;
  std::stop_token stop_;
  ResumableSink sink_;
  Retries retries_;
  const size_t mirrors_;  // so many of `places_` are mirrors
  const std::vector<Place> places_;
  size_t place_ = 0;
  bool ranges_refused_ = false;  // by the present place
  bool was_wrong_ = false;       // what the present place sent
  uint64_t received_before_ = 0;
};

std::string Download::What() const {
  return "blob " + blob_.digest.ToString() + " of " +
         places_[place_].repository.Name();
}

ApiRequest Download::Request(const Endpoint& endpoint, const Place& place) {
  ApiRequest request;
  request.target = {place.repository.registry, place.repository.repository};
  request.endpoint = endpoint;
  request.scopes = {RepositoryScope(place.repository.repository, "pull")};
  request.http.url =
      place.url.empty()
          ? BlobUrl(endpoint, place.repository.repository, blob_.digest)
          : place.url;
  if (sink_.received_bytes() > 0 && !ranges_refused_) {
    request.http.headers.Add(
        "Range", "bytes=" + std::to_string(sink_.received_bytes()) + "-");
  }
  request.http.on_head = [this](const HttpResponse& head) {
    return PlaceBody(head, sink_);
  };
  return request;
}

HttpResult Download::Try() {
  const Place& place = places_[place_];
  Tries tries = place_ < mirrors_ ? Tries::kOne : Tries::kAll;
  auto endpoint = transport_.Connect(place.repository, stop_, tries);
  HttpResult result;
  if (!endpoint) {
    result.failure = HttpFailure::kLocal;
    result.error = std::move(endpoint).error();
    return result;
  }
  return Checked(transport_.SendOnce(Request(*endpoint, place), stop_));
}

// `result` with what its status does not say: that the content is not that of
// the blob.
HttpResult Download::Checked(HttpResult result) {
  int status = result.response.status;
  bool delivered = status == 200 || status == 206;
  // What breaks off after the last byte of the blob has delivered it.
  bool over = result.failure == HttpFailure::kNone ||
              result.failure == HttpFailure::kBroken;
  if (!delivered || !over) return result;
  if (sink_.complete()) {
    oci::Digest actual = sink_.TakeDigest();
    result.failure = HttpFailure::kNone;
    if (actual == blob_.digest) return result;
    return FailedWith(std::move(result), HttpFailure::kLocal,
                      Corrupt("the registry sent other content, with digest " +
                              actual.ToString()));
  }
  if (result.failure == HttpFailure::kBroken) return result;
  // A clean end too early: where the length was announced, it is what the
  // registry has; else the connection may have been closed on the way.
  bool announced = !result.response.headers.Get("Content-Length").empty();
  return FailedWith(
      std::move(result), announced ? HttpFailure::kLocal : HttpFailure::kBroken,
      Corrupt("ends after " + std::to_string(sink_.received_bytes()) + " of " +
              std::to_string(blob_.size_bytes) + " bytes"));
}

// Whether to ask elsewhere: after a refusal of any kind, not where the content
// is wrong or cannot be kept.
bool Download::NextPlace(const HttpResult& result) {
  if (place_ + 1 >= places_.size() || stop_.stop_requested()) return false;
  bool refused = result.failure == HttpFailure::kNone ||
                 result.error->code() == ErrorCode::kUnavailable ||
                 result.error->code() == ErrorCode::kUnauthorized;
  bool wrong =
      !refused && result.error->code() == ErrorCode::kCorrupt && was_wrong_;
  if (!refused && !wrong) return false;
  ++place_;
  ranges_refused_ = false;
  was_wrong_ = false;
  retries_.Restart();
  return true;
}

// After wrong content: from the first byte, once more here or elsewhere.
Result<bool> Download::BeginAgain() {
  bool here = !std::exchange(was_wrong_, true);
  HttpResult wrong =
      FailedWith({}, HttpFailure::kLocal, Corrupt("wrong content"));
  if (!here && !NextPlace(wrong)) return false;
  received_before_ = 0;
  return sink_.Begin();
}

// Whether to try again, here or elsewhere.
bool Download::GoOn(const HttpResult& result) {
  // What a mirror has begun to send, it may go on with.
  bool here = place_ >= mirrors_ || result.failure == HttpFailure::kBroken;
  if (result.failure == HttpFailure::kNone && result.response.status == 416 &&
      sink_.received_bytes() > 0 && !ranges_refused_) {
    ranges_refused_ = true;  // then all of it, and what we have is passed over
    return true;
  }
  if (here && IsRetryable(result)) {
    // What fails again and again must not go on for ever, however little
    // each try adds.
    uint64_t moved = sink_.received_bytes() - received_before_;
    if (IsProgress(moved, blob_.size_bytes)) retries_.Restart();
    received_before_ = sink_.received_bytes();
    if (retries_.WaitForNext(RetryAfterOf(result.response))) return true;
  }
  return NextPlace(result);
}

Status Download::Run() {
  RETURN_IF_ERROR(sink_.Begin());
  while (true) {
    HttpResult result = Try();
    bool answered = result.failure == HttpFailure::kNone;
    int status = result.response.status;
    if (answered && (status == 200 || status == 206)) return {};
    if (stop_.stop_requested()) return Cancelled(What() + ": stopped");
    // Named before the next place is looked at.
    std::string what = What();
    bool wrong = result.failure == HttpFailure::kLocal &&
                 result.error->code() == ErrorCode::kCorrupt;
    if (wrong) {
      ASSIGN_OR_RETURN(bool again, BeginAgain());
      if (again) continue;
    } else if (GoOn(result)) {
      continue;
    }
    if (stop_.stop_requested()) return Cancelled(what + ": stopped");
    if (answered) {
      result.response.note = retries_.Note();
      return AnswerError(what, result.response);
    }
    return Error(result.error->code(),
                 what + ": " + result.error->message() + retries_.Note());
  }
}

}  // namespace

Status DownloadBlob(Transport& transport,
                    std::span<const oci::Reference> repositories,
                    const oci::Descriptor& blob, const BlobSinkOpener& open,
                    const BytesCallback& on_bytes, std::stop_token stop) {
  return Download(transport, repositories, blob, open, on_bytes, stop).Run();
}

}  // namespace strake::registry
