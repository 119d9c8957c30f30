// The folder behind a registry server.
//
//   blobs/sha256/<hex>                     content of blobs and manifests
//   repositories/<name>/_blobs/<hex>       empty: this repository has the blob
//   repositories/<name>/_manifests/<hex>   the manifest's media type
//   repositories/<name>/_tags/<tag>        "sha256:<hex>"
//   repositories/<name>/_tags.lock         held while a tag is changed
//   repositories/<name>/_referrers/<subject hex>/<hex>
//                                          the referrer's descriptor, as JSON
//   repositories/<name>/_uploads/<id>      what an upload session has so far
//   lock                                   held by the server that uses it all
//
// No component of a repository's name begins with "_". A file appears under
// its name whole (written aside, synced unless told not to, renamed), content
// before the links to it; so whatever is there after a crash is consistent, and
// content that nothing links to is removed at the next start.
//
// Thread-safe. Names, tags and ids are taken to be valid: see `IsRepository`,
// `IsTag`, `IsUploadId`.

#ifndef STRAKE_REGISTRY_SERVER_STORAGE_H_
#define STRAKE_REGISTRY_SERVER_STORAGE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "oci/digest.h"
#include "util/atomic_file.h"
#include "util/byte_stream.h"
#include "util/guarded.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::registry {

bool IsRepository(std::string_view name);
bool IsTag(std::string_view tag);
bool IsUploadId(std::string_view id);

class ServerStorage {
 public:
  // Opens the folder, making it if need be, and sweeps it: content without a
  // link, and upload sessions idle for a day. `kUnavailable` where another
  // process serves it.
  static Result<std::unique_ptr<ServerStorage>> Open(
      const std::string& directory, bool sync_writes);

  // Blobs. `kNotFound` where the repository does not have it.
  struct BlobFile {
    UniqueFd fd;
    uint64_t size_bytes = 0;
  };
  Result<BlobFile> OpenBlob(const std::string& repository,
                            const oci::Digest& digest) const;
  bool HasBlob(const std::string& repository, const oci::Digest& digest) const;
  // The content whatever repository has it.
  Result<BlobFile> OpenContent(const oci::Digest& digest) const;
  // Makes content that is there a blob of the repository.
  Status LinkBlob(const std::string& repository,
                  const oci::Digest& digest) const;
  // False where `from` does not have it.
  Result<bool> MountBlob(const std::string& repository,
                         const oci::Digest& digest,
                         const std::string& from) const;
  // False where there was none.
  Result<bool> RemoveBlob(const std::string& repository,
                          const oci::Digest& digest) const;

  // Manifests.
  struct StoredManifest {
    std::string media_type;
    std::string bytes;
  };
  Result<StoredManifest> ReadManifest(const std::string& repository,
                                      const oci::Digest& digest) const;
  bool HasManifest(const std::string& repository,
                   const oci::Digest& digest) const;
  Status PutManifest(const std::string& repository, const oci::Digest& digest,
                     const StoredManifest& manifest) const;
  // With its tags and its entry among the referrers of others. False where
  // there was none.
  Result<bool> RemoveManifest(const std::string& repository,
                              const oci::Digest& digest) const;

  // Tags, in bytewise order. `kNotFound` for a repository that is not there.
  Result<std::vector<std::string>> ListTags(
      const std::string& repository) const;
  Result<oci::Digest> FindTag(const std::string& repository,
                              const std::string& tag) const;
  Status PutTag(const std::string& repository, const std::string& tag,
                const oci::Digest& digest) const;
  // The same where `may` says so of what the tag names now (nothing: there is
  // none), which does not change meanwhile; else false.
  Result<bool> PutTagIf(
      const std::string& repository, const std::string& tag,
      const oci::Digest& digest,
      const std::function<bool(const std::optional<oci::Digest>&)>& may) const;
  Result<bool> RemoveTag(const std::string& repository,
                         const std::string& tag) const;

  // Referrers: descriptors as JSON, in order of their digests.
  Status PutReferrer(const std::string& repository, const oci::Digest& subject,
                     const oci::Digest& referrer,
                     std::string_view descriptor_json) const;
  Result<std::vector<std::string>> ListReferrers(
      const std::string& repository, const oci::Digest& subject) const;

  // Every repository with a blob, a manifest or a tag, in bytewise order.
  Result<std::vector<std::string>> ListRepositories() const;

  // Upload sessions.
  Result<std::string> StartUpload(const std::string& repository) const;
  Result<uint64_t> UploadSize(const std::string& repository,
                              const std::string& id) const;
  // For reading what it has so far, and will have.
  Result<UniqueFd> OpenUpload(const std::string& repository,
                              const std::string& id) const;
  Result<bool> RemoveUpload(const std::string& repository,
                            const std::string& id);

  // A session held for one request. What has been written stays if it is
  // dropped, and the session goes on.
  class Upload : public ByteSink {
   public:
    ~Upload() override;
    using ByteSink::Write;
    Status Write(std::span<const std::byte> data) override;
    uint64_t size_bytes() const { return size_bytes_; }
    // Makes the content a blob of the repository and ends the session;
    // `kCorrupt` (and ends it too) where it has another digest.
    Status Commit(const oci::Digest& expected);

   private:
    friend class ServerStorage;
    Upload(ServerStorage& storage, std::string repository, std::string id,
           UniqueFd fd, uint64_t size_bytes);
    Status Rehash();

    ServerStorage& storage_;
    std::string repository_;
    std::string id_;
    UniqueFd fd_;
    uint64_t size_bytes_;
    oci::Hasher hasher_;
    uint64_t hashed_bytes_ = 0;
    bool ended_ = false;
  };
  // `kNotFound` where there is no such session, `kUnavailable` where another
  // request holds it.
  Result<std::unique_ptr<Upload>> HoldUpload(const std::string& repository,
                                             const std::string& id);

 private:
  ServerStorage(std::string directory, bool sync_writes, FileLock lock)
      : directory_(std::move(directory)),
        sync_writes_(sync_writes),
        lock_(std::move(lock)) {}

  std::string RepositoryPath(const std::string& repository) const;
  std::string BlobPath(const oci::Digest& digest) const;
  std::string LinkPath(const std::string& repository, const char* kind,
                       const oci::Digest& digest) const;
  std::string UploadPath(const std::string& repository,
                         const std::string& id) const;
  Status WriteFile(const std::string& path, std::string_view content) const;
  Status Link(const std::string& repository, const char* kind,
              const oci::Digest& digest, std::string_view content) const;
  Status Sweep() const;
  Result<FileLock> LockTags(const std::string& repository) const;

  // A session's digest so far, kept between its requests. It is lost with the
  // process; the file is then read once more.
  struct Session {
    bool held = false;
    oci::Hasher hasher;
    uint64_t hashed_bytes = 0;
  };

  const std::string directory_;
  const bool sync_writes_;
  FileLock lock_;
  Guarded<std::map<std::string, Session>> sessions_;  // by id
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_SERVER_STORAGE_H_
