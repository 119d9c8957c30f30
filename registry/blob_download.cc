#include "registry/blob_download.h"

#include <algorithm>
#include <optional>
#include <string>
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
  ResumableSink(const oci::Descriptor& blob, ByteSink& next,
                const BytesCallback& on_bytes)
      : blob_(blob), next_(next), on_bytes_(on_bytes) {}

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
    RETURN_IF_ERROR(next_.Write(data));
    received_bytes_ += data.size();
    if (on_bytes_) on_bytes_(received_bytes_);
    return {};
  }

  uint64_t received_bytes() const { return received_bytes_; }
  bool complete() const { return received_bytes_ == blob_.size_bytes; }
  oci::Digest TakeDigest() { return hasher_.Finish(); }

 private:
  const oci::Descriptor& blob_;
  ByteSink& next_;
  const BytesCallback& on_bytes_;
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

// Where the blob can be: in the registry, else where its descriptor says.
std::vector<std::string> PlacesOf(const Endpoint& endpoint,
                                  const oci::Reference& repository,
                                  const oci::Descriptor& blob) {
  std::vector<std::string> places = {
      BlobUrl(endpoint, repository.repository, blob.digest)};
  for (const std::string& url : blob.urls) {
    if (url.starts_with("https://") || url.starts_with("http://")) {
      places.push_back(url);
    }
  }
  return places;
}

ApiRequest BlobRequest(const Endpoint& endpoint,
                       const oci::Reference& repository, const std::string& url,
                       ResumableSink& sink) {
  ApiRequest request;
  request.registry = repository.registry;
  request.endpoint = endpoint;
  request.scopes = {RepositoryScope(repository.repository, "pull")};
  request.http.url = url;
  if (sink.received_bytes() > 0) {
    request.http.headers.Add(
        "Range", "bytes=" + std::to_string(sink.received_bytes()) + "-");
  }
  request.http.on_head = [&sink](const HttpResponse& head) {
    return PlaceBody(head, sink);
  };
  return request;
}

}  // namespace

Status DownloadBlob(Transport& transport, const oci::Reference& repository,
                    const oci::Descriptor& blob, ByteSink& sink,
                    const BytesCallback& on_bytes, std::stop_token stop) {
  std::string what =
      "blob " + blob.digest.ToString() + " of " + repository.Name();
  auto fail = [&](Error error) { return std::move(error).Wrap(what); };
  auto endpoint = transport.Connect(repository.registry, stop);
  if (!endpoint) return fail(std::move(endpoint).error());

  ResumableSink resumable(blob, sink, on_bytes);
  Retries retries(transport.retry_policy(), stop);
  uint64_t received_before = 0;
  const std::vector<std::string> places = PlacesOf(*endpoint, repository, blob);
  size_t place = 0;
  while (true) {
    ApiRequest request =
        BlobRequest(*endpoint, repository, places[place], resumable);
    HttpResult result = transport.SendOnce(request, stop);
    int status = result.response.status;
    bool answered = result.failure == HttpFailure::kNone;
    bool delivered = answered && (status == 200 || status == 206);
    if (delivered && resumable.complete()) break;
    if (delivered) {
      // A clean end too early: where the length was announced, it is what the
      // registry has; else the connection may have been closed on the way.
      bool announced = !result.response.headers.Get("Content-Length").empty();
      Error shorter =
          Corrupt("ends after " + std::to_string(resumable.received_bytes()) +
                  " of " + std::to_string(blob.size_bytes) + " bytes");
      if (announced) return fail(std::move(shorter));
      result.failure = HttpFailure::kBroken;
      result.error = std::move(shorter);
      answered = false;
    }
    if (IsRetryable(result)) {
      // What fails again and again must not go on for ever, however little
      // each try adds.
      uint64_t moved = resumable.received_bytes() - received_before;
      if (moved > blob.size_bytes / 100) retries.Restart();
      received_before = resumable.received_bytes();
      auto retry_after =
          ParseRetryAfter(result.response.headers.Get("Retry-After"));
      if (retries.WaitForNext(retry_after)) continue;
      if (stop.stop_requested()) return fail(Cancelled("stopped"));
    }
    if (place + 1 < places.size()) {
      ++place;
      retries.Restart();
      continue;
    }
    if (answered) return AnswerError(what, result.response);
    return fail(std::move(*result.error));
  }

  oci::Digest actual = resumable.TakeDigest();
  if (actual != blob.digest) {
    return fail(Corrupt("the registry sent other content, with digest " +
                        actual.ToString()));
  }
  return {};
}

}  // namespace strake::registry
