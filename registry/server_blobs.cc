// The blob half of `ServerApi`: pulling, and upload sessions.

#include <algorithm>

#include "registry/endpoint.h"
#include "registry/pull_through.h"
#include "registry/server_api.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

std::string BlobLocation(const std::string& repository,
                         const oci::Digest& digest) {
  return "/v2/" + repository + "/blobs/" + digest.ToString();
}

std::string UploadLocation(const std::string& repository,
                           const std::string& id) {
  return "/v2/" + repository + "/blobs/uploads/" + id;
}

ServerAnswer Created(const std::string& repository, const oci::Digest& digest) {
  ServerAnswer answer;
  answer.status = 201;
  answer.headers.emplace_back("Location", BlobLocation(repository, digest));
  answer.headers.emplace_back("Docker-Content-Digest", digest.ToString());
  return answer;
}

struct ByteRange {
  uint64_t first = 0;
  uint64_t last = 0;  // inclusive
};

// The one range of "bytes=a-b", "bytes=a-" or "bytes=-n" within `size_bytes`.
// Nothing where the field is to be ignored (RFC 9110, section 14.2: another
// unit, several ranges, nonsense); `satisfiable` is false where it lies beyond
// the end.
std::optional<ByteRange> ParseRange(std::string_view field, uint64_t size_bytes,
                                    bool& satisfiable) {
  satisfiable = true;
  if (!field.starts_with("bytes=")) return {};
  field.remove_prefix(6);
  auto parts = SplitOnce(Trim(field), '-');
  if (!parts || field.find(',') != std::string_view::npos) return {};
  auto first = ParseUint(parts->first), last = ParseUint(parts->second);
  if (parts->first.empty()) {
    if (!last) return {};
    satisfiable = *last > 0 && size_bytes > 0;
    uint64_t count = std::min(*last, size_bytes);
    return ByteRange{size_bytes - count, size_bytes - 1};
  }
  if (!first || (!last && !parts->second.empty())) return {};
  if (last && *last < *first) return {};
  satisfiable = *first < size_bytes;
  uint64_t end = size_bytes == 0 ? 0 : size_bytes - 1;
  return ByteRange{*first, last ? std::min(*last, end) : end};
}

// "first-last" of an upload's Content-Range, which has no unit in this spec;
// with "bytes " before and "/total" after it, as HTTP has it, it is read too.
std::optional<ByteRange> ParseContentRange(std::string_view field) {
  if (field.starts_with("bytes ")) field.remove_prefix(6);
  auto parts = SplitOnce(Trim(field.substr(0, field.find('/'))), '-');
  if (!parts) return {};
  auto first = ParseUint(parts->first), last = ParseUint(parts->second);
  if (!first || !last || *last < *first) return {};
  return ByteRange{*first, *last};
}

// All but the content, or the refusal of a range.
ServerAnswer BlobAnswer(const ServerRequest& request, const oci::Digest& digest,
                        uint64_t size_bytes) {
  bool satisfiable = true;
  auto range = ParseRange(request.header("Range"), size_bytes, satisfiable);
  if (!satisfiable) {
    ServerAnswer answer =
        Refusal(416, "SIZE_INVALID",
                "the blob has " + std::to_string(size_bytes) + " bytes");
    answer.headers.emplace_back("Content-Range",
                                "bytes */" + std::to_string(size_bytes));
    return answer;
  }
  ServerAnswer answer;
  answer.content_type = "application/octet-stream";
  answer.headers.emplace_back("Docker-Content-Digest", digest.ToString());
  answer.headers.emplace_back("Accept-Ranges", "bytes");
  answer.headers.emplace_back("ETag", "\"" + digest.ToString() + "\"");
  answer.file_bytes = size_bytes;
  if (range) {
    answer.status = 206;
    answer.file_offset = range->first;
    answer.file_bytes = range->last - range->first + 1;
    answer.headers.emplace_back("Content-Range",
                                "bytes " + std::to_string(range->first) + "-" +
                                    std::to_string(range->last) + "/" +
                                    std::to_string(size_bytes));
  }
  return answer;
}

// Bodies arrive in small pieces; files and hashes like large ones.
class BufferedSink final : public ByteSink {
 public:
  explicit BufferedSink(ByteSink& next) : next_(next) {
    buffer_.reserve(kStreamBufferBytes);
  }
  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override {
    if (buffer_.size() + data.size() > kStreamBufferBytes) {
      if (Status flushed = Finish(); !flushed) return flushed;
    }
    buffer_.insert(buffer_.end(), data.begin(), data.end());
    return {};
  }
  Status Finish() override {
    Status written = next_.Write(std::span<const std::byte>(buffer_));
    buffer_.clear();
    return written;
  }

 private:
  ByteSink& next_;
  std::vector<std::byte> buffer_;
};

}  // namespace

ServerAnswer ServerApi::Blob(const ServerRequest& request,
                             const Target& target) {
  auto digest = oci::Digest::Parse(target.reference);
  if (!digest) return Refusal(400, "DIGEST_INVALID", digest.error().message());
  if (request.method == "GET" || request.method == "HEAD") {
    return GetBlob(request, target, *digest);
  }
  if (request.method == "DELETE") {
    auto removed = storage_.RemoveBlob(target.repository, *digest);
    if (!removed) return RefusalOf(removed.error(), "BLOB_UNKNOWN");
    if (!*removed) {
      return Refusal(404, "BLOB_UNKNOWN", "no such blob: " + target.reference);
    }
    ServerAnswer answer;
    answer.status = 202;
    return answer;
  }
  return Refusal(405, "UNSUPPORTED", request.method + " of a blob");
}

ServerAnswer ServerApi::GetBlob(const ServerRequest& request,
                                const Target& target,
                                const oci::Digest& digest) {
  auto blob = storage_.OpenBlob(target.repository, digest);
  bool absent = !blob && blob.error().code() == ErrorCode::kNotFound;
  if (absent && upstream_ != nullptr) {
    return FetchBlob(request, target, digest);
  }
  if (!blob) return RefusalOf(blob.error(), "BLOB_UNKNOWN");
  ServerAnswer answer = BlobAnswer(request, digest, blob->size_bytes);
  answer.file = std::move(blob->fd);
  return answer;
}

ServerAnswer ServerApi::FetchBlob(const ServerRequest& request,
                                  const Target& target,
                                  const oci::Digest& digest) {
  auto blob = upstream_->StatBlob(target.repository, digest);
  if (!blob) return RefusalOf(blob.error(), "BLOB_UNKNOWN");
  ServerAnswer answer = BlobAnswer(request, digest, blob->size_bytes);
  auto fetch = request.method == "GET"
                   ? upstream_->FetchBlob(target.repository, *blob)
                   : nullptr;
  answer.read_at = [fetch](uint64_t offset, std::span<std::byte> buffer) {
    // A HEAD asks for nothing.
    return fetch ? fetch->Read(offset, buffer) : Result<size_t>(size_t{0});
  };
  return answer;
}

ServerAnswer ServerApi::StartUpload(const ServerRequest& request,
                                    const Target& target) {
  if (std::string mount = request.Query("mount"); !mount.empty()) {
    auto digest = oci::Digest::Parse(mount);
    if (!digest) {
      return Refusal(400, "DIGEST_INVALID", digest.error().message());
    }
    std::string from = request.Query("from");
    if (IsRepository(from)) {
      auto mounted = storage_.MountBlob(target.repository, *digest, from);
      if (!mounted) return RefusalOf(mounted.error(), "BLOB_UNKNOWN");
      if (*mounted) return Created(target.repository, *digest);
    }
    // What cannot be mounted becomes an ordinary session.
  }
  auto id = storage_.StartUpload(target.repository);
  if (!id) return RefusalOf(id.error(), "NAME_UNKNOWN");
  Target session{Target::Kind::kUpload, target.repository, *id};
  if (!request.Query("digest").empty()) return FinishUpload(request, session);
  return UploadStatus(session, 202);
}

ServerAnswer ServerApi::Upload(const ServerRequest& request,
                               const Target& target) {
  if (!IsUploadId(target.reference)) {
    return Refusal(404, "BLOB_UPLOAD_UNKNOWN", "no such upload");
  }
  if (request.method == "GET" || request.method == "HEAD") {
    return UploadStatus(target, 204);
  }
  if (request.method == "PATCH") return AppendToUpload(request, target);
  if (request.method == "PUT") return FinishUpload(request, target);
  if (request.method == "DELETE") {
    auto removed = storage_.RemoveUpload(target.repository, target.reference);
    if (!removed) return RefusalOf(removed.error(), "BLOB_UPLOAD_UNKNOWN");
    if (!*removed) return Refusal(404, "BLOB_UPLOAD_UNKNOWN", "no such upload");
    ServerAnswer answer;
    answer.status = 204;
    return answer;
  }
  return Refusal(405, "UNSUPPORTED", request.method + " of an upload");
}

ServerAnswer ServerApi::UploadStatus(const Target& target, int status) {
  auto size = storage_.UploadSize(target.repository, target.reference);
  if (!size) return RefusalOf(size.error(), "BLOB_UPLOAD_UNKNOWN");
  ServerAnswer answer;
  answer.status = status;
  answer.headers.emplace_back(
      "Location", UploadLocation(target.repository, target.reference));
  // Inclusive, so nothing looks like one byte; every registry does so.
  uint64_t last = *size == 0 ? 0 : *size - 1;
  answer.headers.emplace_back("Range", "0-" + std::to_string(last));
  answer.headers.emplace_back("Docker-Upload-UUID", target.reference);
  return answer;
}

std::optional<ServerAnswer> ServerApi::TakeBody(const ServerRequest& request,
                                                const Target& target,
                                                ServerStorage::Upload& upload) {
  std::string field = request.header("Content-Range");
  auto length = ParseUint(request.header("Content-Length"));
  if (!field.empty()) {
    auto range = ParseContentRange(field);
    if (!range || (length && range->last - range->first + 1 != *length)) {
      return Refusal(400, "SIZE_INVALID",
                     "Content-Range " + field + " does not fit the body");
    }
    if (range->first != upload.size_bytes()) {
      return UploadStatus(target, 416);
    }
  }
  BufferedSink buffered(upload);
  Status read = request.read_body(buffered);
  // What came before a client broke off is kept, to be continued.
  Status flushed = buffered.Finish();
  if (!flushed) return RefusalOf(flushed.error(), "BLOB_UPLOAD_UNKNOWN");
  if (!read) {
    return Refusal(400, "BLOB_UPLOAD_INVALID", read.error().message());
  }
  return {};
}

ServerAnswer ServerApi::AppendToUpload(const ServerRequest& request,
                                       const Target& target) {
  auto upload = storage_.HoldUpload(target.repository, target.reference);
  if (!upload) return RefusalOf(upload.error(), "BLOB_UPLOAD_UNKNOWN");
  if (auto refusal = TakeBody(request, target, **upload)) {
    return std::move(*refusal);
  }
  return UploadStatus(target, 202);
}

ServerAnswer ServerApi::FinishUpload(const ServerRequest& request,
                                     const Target& target) {
  auto digest = oci::Digest::Parse(request.Query("digest"));
  if (!digest) return Refusal(400, "DIGEST_INVALID", digest.error().message());
  auto upload = storage_.HoldUpload(target.repository, target.reference);
  if (!upload) return RefusalOf(upload.error(), "BLOB_UPLOAD_UNKNOWN");
  if (auto refusal = TakeBody(request, target, **upload)) {
    return std::move(*refusal);
  }
  Status committed = (*upload)->Commit(*digest);
  if (committed) return Created(target.repository, *digest);
  if (committed.error().code() == ErrorCode::kCorrupt) {
    return Refusal(400, "DIGEST_INVALID", committed.error().message());
  }
  return RefusalOf(committed.error(), "BLOB_UPLOAD_UNKNOWN");
}

}  // namespace strake::registry
