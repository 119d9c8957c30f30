// The manifest half of `ServerApi`.

#include <algorithm>

#include "oci/manifest.h"
#include "oci/media_type.h"
#include "registry/pull_through.h"
#include "registry/server_api.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

constexpr uint64_t kManifestLimitBytes = uint64_t{16} << 20;

// Collects up to a limit.
class BoundedSink final : public ByteSink {
 public:
  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override {
    if (bytes_.size() + data.size() > kManifestLimitBytes) {
      too_large_ = true;
      return InvalidArgument("the manifest is too large");
    }
    bytes_.append(reinterpret_cast<const char*>(data.data()), data.size());
    return {};
  }
  std::string Take() { return std::move(bytes_); }
  bool too_large() const { return too_large_; }

 private:
  std::string bytes_;
  bool too_large_ = false;
};

// What a manifest says that the registry acts on.
struct Contents {
  std::vector<oci::Descriptor> blobs;
  std::vector<oci::Descriptor> manifests;
  std::optional<oci::Descriptor> subject;
  std::string artifact_type;
  std::map<std::string, std::string> annotations;
};

Result<Contents> ReadContents(std::string_view media_type,
                              std::string_view bytes) {
  Contents contents;
  if (oci::IsIndex(media_type)) {
    auto index = oci::ParseIndex(bytes);
    if (!index) return std::move(index).error();
    contents.manifests = std::move(index->manifests);
    contents.subject = std::move(index->subject);
    contents.artifact_type = std::move(index->artifact_type);
    contents.annotations = std::move(index->annotations);
    return contents;
  }
  auto manifest = oci::ParseManifest(bytes);
  if (!manifest) return std::move(manifest).error();
  contents.artifact_type = manifest->artifact_type.empty()
                               ? manifest->config.media_type
                               : manifest->artifact_type;
  contents.subject = std::move(manifest->subject);
  contents.annotations = std::move(manifest->annotations);
  contents.blobs = std::move(manifest->layers);
  contents.blobs.push_back(std::move(manifest->config));
  return contents;
}

// distribution-spec, "Listing Referrers": descriptors with the manifest's
// artifact type and annotations.
std::string ReferrerJson(const oci::Digest& digest, std::string_view media_type,
                         size_t size_bytes, const Contents& contents) {
  nlohmann::json descriptor = {{"mediaType", std::string(media_type)},
                               {"digest", digest.ToString()},
                               {"size", size_bytes}};
  if (!contents.artifact_type.empty()) {
    descriptor["artifactType"] = contents.artifact_type;
  }
  if (!contents.annotations.empty()) {
    descriptor["annotations"] = contents.annotations;
  }
  return DumpJson(descriptor);
}

// Whether `wanted`, the value of If-Match or If-None-Match, lists `current`
// (RFC 9110, 13.1). Entity tags are digests in quotes; "*" is any there is.
bool Lists(std::string_view wanted, const std::optional<oci::Digest>& current) {
  if (!current) return false;
  for (std::string_view item : Split(wanted, ',')) {
    item = Trim(item);
    if (item == "*" || item == "\"" + current->ToString() + "\"") return true;
  }
  return false;
}

bool MayReplace(const ServerRequest& request,
                const std::optional<oci::Digest>& current) {
  std::string match = request.header("If-Match");
  std::string none_match = request.header("If-None-Match");
  if (!match.empty() && !Lists(match, current)) return false;
  return none_match.empty() || !Lists(none_match, current);
}

ServerAnswer PreconditionFailed() {
  return Refusal(412, "PRECONDITION_FAILED",
                 "it is not what If-Match or If-None-Match expects");
}

Status Store(ServerStorage& storage, const std::string& repository,
             const ServerStorage::StoredManifest& manifest,
             const Contents& contents) {
  oci::Digest digest = oci::Digest::Of(manifest.bytes);
  Status stored = storage.PutManifest(repository, digest, manifest);
  if (!stored || !contents.subject) return stored;
  return storage.PutReferrer(repository, contents.subject->digest, digest,
                             ReferrerJson(digest, manifest.media_type,
                                          manifest.bytes.size(), contents));
}

}  // namespace

Status StoreManifest(ServerStorage& storage, const std::string& repository,
                     const std::string& media_type, const std::string& bytes) {
  auto contents = ReadContents(media_type, bytes);
  if (!contents) return std::move(contents).error();
  return Store(storage, repository, {media_type, bytes}, *contents);
}

ServerAnswer ServerApi::Manifest(const ServerRequest& request,
                                 const Target& target) {
  bool valid = target.reference.find(':') != std::string::npos
                   ? oci::Digest::Parse(target.reference).has_value()
                   : IsTag(target.reference);
  if (!valid) {
    return Refusal(request.method == "PUT" ? 400 : 404,
                   target.reference.find(':') != std::string::npos
                       ? "DIGEST_INVALID"
                       : "MANIFEST_UNKNOWN",
                   GoQuote(target.reference) + " is neither tag nor digest");
  }
  if (request.method == "GET" || request.method == "HEAD") {
    return GetManifest(request, target);
  }
  if (request.method == "PUT") return PutManifest(request, target);
  if (request.method == "DELETE") return DeleteManifest(target);
  return Refusal(405, "UNSUPPORTED", request.method + " of a manifest");
}

ServerAnswer ServerApi::GetManifest(const ServerRequest&,
                                    const Target& target) {
  if (upstream_ != nullptr) {
    Status brought =
        upstream_->BringManifest(target.repository, target.reference);
    if (!brought) return RefusalOf(brought.error(), "MANIFEST_UNKNOWN");
  }
  auto digest = oci::Digest::Parse(target.reference);
  if (!digest) digest = storage_.FindTag(target.repository, target.reference);
  if (!digest) return RefusalOf(digest.error(), "MANIFEST_UNKNOWN");
  auto manifest = storage_.ReadManifest(target.repository, *digest);
  if (!manifest) return RefusalOf(manifest.error(), "MANIFEST_UNKNOWN");
  ServerAnswer answer;
  answer.content_type = std::move(manifest->media_type);
  answer.body = std::move(manifest->bytes);
  answer.headers.emplace_back("Docker-Content-Digest", digest->ToString());
  answer.headers.emplace_back("ETag", "\"" + digest->ToString() + "\"");
  return answer;
}

ServerAnswer ServerApi::PutManifest(const ServerRequest& request,
                                    const Target& target) {
  BoundedSink body;
  if (Status read = request.read_body(body); !read) {
    return Refusal(body.too_large() ? 413 : 400, "MANIFEST_INVALID",
                   read.error().message());
  }
  ServerStorage::StoredManifest manifest;
  manifest.bytes = body.Take();
  auto claimed = oci::DetectMediaType(manifest.bytes);
  if (!claimed) {
    return Refusal(400, "MANIFEST_INVALID", claimed.error().message());
  }
  std::string type = request.header("Content-Type");
  type = Trim(std::string_view(type).substr(0, type.find(';')));
  if (type.empty()) type = *claimed;
  if (type != *claimed || !(oci::IsIndex(type) || oci::IsManifest(type))) {
    return Refusal(
        400, "MANIFEST_INVALID",
        "sent as " + GoQuote(type) + ", the document is " + GoQuote(*claimed));
  }
  auto contents = ReadContents(type, manifest.bytes);
  if (!contents) {
    return Refusal(400, "MANIFEST_INVALID", contents.error().message());
  }
  oci::Digest digest = oci::Digest::Of(manifest.bytes);
  bool by_digest = target.reference.find(':') != std::string::npos;
  if (by_digest && target.reference != digest.ToString()) {
    return Refusal(400, "DIGEST_INVALID",
                   "the content has digest " + digest.ToString());
  }
  for (const oci::Descriptor& blob : contents->blobs) {
    bool elsewhere = !blob.urls.empty();
    if (!elsewhere && !storage_.HasBlob(target.repository, blob.digest)) {
      return Refusal(400, "MANIFEST_BLOB_UNKNOWN",
                     "no such blob here: " + blob.digest.ToString());
    }
  }
  for (const oci::Descriptor& child : contents->manifests) {
    if (!storage_.HasManifest(target.repository, child.digest)) {
      return Refusal(400, "MANIFEST_BLOB_UNKNOWN",
                     "no such manifest here: " + child.digest.ToString());
    }
  }

  if (by_digest) {
    bool there = storage_.HasManifest(target.repository, digest);
    std::optional<oci::Digest> current;
    if (there) current = digest;
    if (!MayReplace(request, current)) return PreconditionFailed();
  }
  manifest.media_type = type;
  Status stored = Store(storage_, target.repository, manifest, *contents);
  if (!stored) return RefusalOf(stored.error(), "MANIFEST_INVALID");
  if (!by_digest) {
    auto tagged = storage_.PutTagIf(
        target.repository, target.reference, digest,
        [&](const auto& current) { return MayReplace(request, current); });
    if (!tagged) return RefusalOf(tagged.error(), "MANIFEST_INVALID");
    if (!*tagged) return PreconditionFailed();
  }

  ServerAnswer answer;
  answer.status = 201;
  answer.headers.emplace_back(
      "Location",
      "/v2/" + target.repository + "/manifests/" + digest.ToString());
  answer.headers.emplace_back("Docker-Content-Digest", digest.ToString());
  if (contents->subject) {
    answer.headers.emplace_back("OCI-Subject",
                                contents->subject->digest.ToString());
  }
  return answer;
}

ServerAnswer ServerApi::DeleteManifest(const Target& target) {
  auto digest = oci::Digest::Parse(target.reference);
  auto removed = digest
                     ? storage_.RemoveManifest(target.repository, *digest)
                     : storage_.RemoveTag(target.repository, target.reference);
  if (!removed) return RefusalOf(removed.error(), "MANIFEST_UNKNOWN");
  if (!*removed) {
    return Refusal(404, "MANIFEST_UNKNOWN",
                   "no such manifest: " + target.reference);
  }
  ServerAnswer answer;
  answer.status = 202;
  return answer;
}

}  // namespace strake::registry
