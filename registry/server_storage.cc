#include "registry/server_storage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "oci/reference.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBlobs = "_blobs";
constexpr const char* kManifests = "_manifests";
constexpr const char* kTags = "_tags";
constexpr const char* kTagsLock = "_tags.lock";
constexpr const char* kReferrers = "_referrers";
constexpr const char* kUploads = "_uploads";
constexpr std::chrono::hours kUploadLife{24};

Status MakeDirs(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return ErrnoError("make " + path.string(), error.value());
  return {};
}

// False where it was not there.
Result<bool> RemoveFile(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return ErrnoError("remove " + path);
}

bool Exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

// The names in a directory in bytewise order, without those of files being
// written aside; none where there is no such directory.
std::vector<std::string> ListNames(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    std::string name = it->path().filename().string();
    if (!name.starts_with('.')) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

std::optional<oci::Digest> FromHex(const std::string& hex) {
  auto digest = oci::Digest::Parse("sha256:" + hex);
  if (!digest) return {};
  return *digest;
}

std::vector<oci::Digest> ListDigests(const fs::path& directory) {
  std::vector<oci::Digest> digests;
  for (const std::string& name : ListNames(directory)) {
    if (auto digest = FromHex(name)) digests.push_back(*digest);
  }
  return digests;
}

// Adds the repositories at and below `directory` whose names begin with
// `name`.
void FindRepositories(const fs::path& directory, const std::string& name,
                      std::vector<std::string>& found) {
  bool has_content = false;
  for (const std::string& entry : ListNames(directory)) {
    if (entry == kBlobs || entry == kManifests || entry == kTags) {
      has_content |= !ListNames(directory / entry).empty();
    } else if (!entry.starts_with('_')) {
      FindRepositories(directory / entry,
                       name.empty() ? entry : name + "/" + entry, found);
    }
  }
  if (has_content && !name.empty()) found.push_back(name);
}

// What a server that was killed had not finished writing.
void RemoveWrittenAside(const fs::path& directory) {
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    if (it->path().filename().string().starts_with('.')) {
      fs::remove(it->path(), ignored);
    }
  }
}

void RemoveIdleUploads(const fs::path& uploads) {
  for (const std::string& id : ListNames(uploads)) {
    std::error_code error;
    auto changed = fs::last_write_time(uploads / id, error);
    if (error) continue;
    if (fs::file_time_type::clock::now() - changed > kUploadLife) {
      fs::remove(uploads / id, error);
    }
  }
}

}  // namespace

bool IsRepository(std::string_view name) {
  // The grammar is that of references; the registry given keeps the name's
  // first component from being taken for one.
  auto reference = oci::ParseReference("registry.invalid/" + std::string(name));
  return reference && reference->repository == name && reference->tag.empty() &&
         !reference->digest;
}

bool IsTag(std::string_view tag) {
  auto reference =
      oci::ParseReference("registry.invalid/a:" + std::string(tag));
  return reference && reference->tag == tag && !reference->digest;
}

bool IsUploadId(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::ranges::all_of(id, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
  });
}

Result<std::unique_ptr<ServerStorage>> ServerStorage::Open(
    const std::string& directory, bool sync_writes) {
  RETURN_IF_ERROR(MakeDirs(fs::path(directory) / "blobs" / "sha256"));
  RETURN_IF_ERROR(MakeDirs(fs::path(directory) / "repositories"));
  ASSIGN_OR_RETURN(
      std::optional<FileLock> lock,
      FileLock::TryAcquire(directory + "/lock", FileLock::Mode::kExclusive));
  if (!lock) {
    return Error(ErrorCode::kUnavailable,
                 directory + " is being served by another process");
  }
  auto storage = std::unique_ptr<ServerStorage>(
      new ServerStorage(directory, sync_writes, std::move(*lock)));
  RETURN_IF_ERROR(storage->Sweep());
  return storage;
}

std::string ServerStorage::RepositoryPath(const std::string& repository) const {
  return directory_ + "/repositories/" + repository;
}

std::string ServerStorage::BlobPath(const oci::Digest& digest) const {
  return directory_ + "/blobs/sha256/" + digest.Hex();
}

std::string ServerStorage::LinkPath(const std::string& repository,
                                    const char* kind,
                                    const oci::Digest& digest) const {
  return RepositoryPath(repository) + "/" + kind + "/" + digest.Hex();
}

std::string ServerStorage::UploadPath(const std::string& repository,
                                      const std::string& id) const {
  return RepositoryPath(repository) + "/" + kUploads + "/" + id;
}

Status ServerStorage::WriteFile(const std::string& path,
                                std::string_view content) const {
  RETURN_IF_ERROR(MakeDirs(fs::path(path).parent_path()));
  return WriteFileAtomically(path, content,
                             {.mode = 0644, .sync = sync_writes_});
}

Status ServerStorage::Link(const std::string& repository, const char* kind,
                           const oci::Digest& digest,
                           std::string_view content) const {
  return WriteFile(LinkPath(repository, kind, digest), content);
}

// Runs before any request, so nothing can come to be linked meanwhile.
Status ServerStorage::Sweep() const {
  std::set<oci::Digest> linked;
  std::vector<fs::path> directories = {directory_ + "/repositories"};
  while (!directories.empty()) {
    fs::path directory = std::move(directories.back());
    directories.pop_back();
    for (const std::string& entry : ListNames(directory)) {
      fs::path path = directory / entry;
      if (entry == kBlobs || entry == kManifests) {
        for (const oci::Digest& digest : ListDigests(path)) {
          linked.insert(digest);
        }
      } else if (entry == kUploads) {
        RemoveIdleUploads(path);
      } else if (!entry.starts_with('_')) {
        directories.push_back(path);
      }
    }
  }
  std::string blobs = directory_ + "/blobs/sha256";
  RemoveWrittenAside(blobs);
  for (const oci::Digest& digest : ListDigests(blobs)) {
    if (linked.contains(digest)) continue;
    auto removed = RemoveFile(BlobPath(digest));
    if (!removed) return std::move(removed).error();
  }
  return {};
}

Result<ServerStorage::BlobFile> ServerStorage::OpenBlob(
    const std::string& repository, const oci::Digest& digest) const {
  // A manifest can be had as a blob too, as the spec's registries allow.
  if (!HasBlob(repository, digest) && !HasManifest(repository, digest)) {
    return NotFound("blob " + digest.ToString() + " is not in repository " +
                    repository);
  }
  return OpenContent(digest);
}

Result<ServerStorage::BlobFile> ServerStorage::OpenContent(
    const oci::Digest& digest) const {
  BlobFile blob;
  ASSIGN_OR_RETURN(blob.fd, OpenFile(BlobPath(digest).c_str(), O_RDONLY));
  struct stat status;
  if (::fstat(blob.fd.get(), &status) != 0) return ErrnoError("stat blob");
  blob.size_bytes = static_cast<uint64_t>(status.st_size);
  return blob;
}

bool ServerStorage::HasBlob(const std::string& repository,
                            const oci::Digest& digest) const {
  return Exists(LinkPath(repository, kBlobs, digest));
}

Status ServerStorage::LinkBlob(const std::string& repository,
                               const oci::Digest& digest) const {
  return Link(repository, kBlobs, digest, "");
}

Result<bool> ServerStorage::MountBlob(const std::string& repository,
                                      const oci::Digest& digest,
                                      const std::string& from) const {
  if (!HasBlob(from, digest)) return false;
  RETURN_IF_ERROR(LinkBlob(repository, digest));
  return true;
}

Result<bool> ServerStorage::RemoveBlob(const std::string& repository,
                                       const oci::Digest& digest) const {
  return RemoveFile(LinkPath(repository, kBlobs, digest));
}

bool ServerStorage::HasManifest(const std::string& repository,
                                const oci::Digest& digest) const {
  return Exists(LinkPath(repository, kManifests, digest));
}

Result<ServerStorage::StoredManifest> ServerStorage::ReadManifest(
    const std::string& repository, const oci::Digest& digest) const {
  StoredManifest manifest;
  auto media_type = ReadFile(LinkPath(repository, kManifests, digest));
  if (!media_type && media_type.error().code() == ErrorCode::kNotFound) {
    return NotFound("manifest " + digest.ToString() + " is not in repository " +
                    repository);
  }
  if (!media_type) return std::move(media_type).error();
  manifest.media_type = std::move(media_type).value();
  ASSIGN_OR_RETURN(manifest.bytes, ReadFile(BlobPath(digest)));
  return manifest;
}

Status ServerStorage::PutManifest(const std::string& repository,
                                  const oci::Digest& digest,
                                  const StoredManifest& manifest) const {
  RETURN_IF_ERROR(WriteFile(BlobPath(digest), manifest.bytes));
  return Link(repository, kManifests, digest, manifest.media_type);
}

Result<bool> ServerStorage::RemoveManifest(const std::string& repository,
                                           const oci::Digest& digest) const {
  for (const std::string& tag :
       ListNames(RepositoryPath(repository) + "/" + kTags)) {
    auto tagged = FindTag(repository, tag);
    if (!tagged || *tagged != digest) continue;
    auto removed = RemoveTag(repository, tag);
    if (!removed) return std::move(removed).error();
  }
  std::string referrers = RepositoryPath(repository) + "/" + kReferrers;
  for (const std::string& subject : ListNames(referrers)) {
    auto removed = RemoveFile(referrers + "/" + subject + "/" + digest.Hex());
    if (!removed) return std::move(removed).error();
  }
  return RemoveFile(LinkPath(repository, kManifests, digest));
}

Result<std::vector<std::string>> ServerStorage::ListTags(
    const std::string& repository) const {
  std::string path = RepositoryPath(repository);
  bool there = Exists(path + "/" + kTags) || Exists(path + "/" + kManifests) ||
               Exists(path + "/" + kBlobs);
  if (!there) return NotFound("there is no repository " + repository);
  return ListNames(path + "/" + kTags);
}

Result<oci::Digest> ServerStorage::FindTag(const std::string& repository,
                                           const std::string& tag) const {
  auto text = ReadFile(RepositoryPath(repository) + "/" + kTags + "/" + tag);
  if (text) return oci::Digest::Parse(*text);
  if (text.error().code() != ErrorCode::kNotFound) {
    return std::move(text).error();
  }
  return NotFound("there is no tag " + tag + " in repository " + repository);
}

Status ServerStorage::PutTag(const std::string& repository,
                             const std::string& tag,
                             const oci::Digest& digest) const {
  auto put =
      PutTagIf(repository, tag, digest, [](const auto&) { return true; });
  if (!put) return std::move(put).error();
  return {};
}

Result<bool> ServerStorage::PutTagIf(
    const std::string& repository, const std::string& tag,
    const oci::Digest& digest,
    const std::function<bool(const std::optional<oci::Digest>&)>& may) const {
  ASSIGN_OR_RETURN(FileLock lock, LockTags(repository));
  std::optional<oci::Digest> current;
  auto found = FindTag(repository, tag);
  if (found) {
    current = *found;
  } else if (found.error().code() != ErrorCode::kNotFound) {
    return std::move(found).error();
  }
  if (!may(current)) return false;
  RETURN_IF_ERROR(WriteFile(
      RepositoryPath(repository) + "/" + kTags + "/" + tag, digest.ToString()));
  return true;
}

Result<FileLock> ServerStorage::LockTags(const std::string& repository) const {
  std::string path = RepositoryPath(repository);
  RETURN_IF_ERROR(MakeDirs(path));
  return FileLock::Acquire(path + "/" + kTagsLock, FileLock::Mode::kExclusive);
}

Result<bool> ServerStorage::RemoveTag(const std::string& repository,
                                      const std::string& tag) const {
  if (!Exists(RepositoryPath(repository))) return false;
  ASSIGN_OR_RETURN(FileLock lock, LockTags(repository));
  return RemoveFile(RepositoryPath(repository) + "/" + kTags + "/" + tag);
}

Status ServerStorage::PutReferrer(const std::string& repository,
                                  const oci::Digest& subject,
                                  const oci::Digest& referrer,
                                  std::string_view descriptor_json) const {
  return WriteFile(
      LinkPath(repository, kReferrers, subject) + "/" + referrer.Hex(),
      descriptor_json);
}

Result<std::vector<std::string>> ServerStorage::ListReferrers(
    const std::string& repository, const oci::Digest& subject) const {
  std::vector<std::string> descriptors;
  std::string directory = LinkPath(repository, kReferrers, subject);
  for (const std::string& name : ListNames(directory)) {
    auto text = ReadFile(directory + "/" + name);
    if (text) {
      descriptors.push_back(std::move(text).value());
    } else if (text.error().code() != ErrorCode::kNotFound) {
      return std::move(text).error();
    }
  }
  return descriptors;
}

Result<std::vector<std::string>> ServerStorage::ListRepositories() const {
  std::vector<std::string> found;
  FindRepositories(directory_ + "/repositories", "", found);
  std::ranges::sort(found);
  return found;
}

Result<std::string> ServerStorage::StartUpload(
    const std::string& repository) const {
  std::string id = RandomName("") + RandomName("");
  std::string path = UploadPath(repository, id);
  RETURN_IF_ERROR(MakeDirs(fs::path(path).parent_path()));
  ASSIGN_OR_RETURN(UniqueFd fd,
                   OpenFile(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644));
  return id;
}

Result<uint64_t> ServerStorage::UploadSize(const std::string& repository,
                                           const std::string& id) const {
  struct stat status;
  if (::stat(UploadPath(repository, id).c_str(), &status) != 0) {
    return ErrnoError("upload " + id);
  }
  return static_cast<uint64_t>(status.st_size);
}

Result<UniqueFd> ServerStorage::OpenUpload(const std::string& repository,
                                           const std::string& id) const {
  return OpenFile(UploadPath(repository, id).c_str(), O_RDONLY);
}

Result<bool> ServerStorage::RemoveUpload(const std::string& repository,
                                         const std::string& id) {
  sessions_.lock()->erase(id);
  return RemoveFile(UploadPath(repository, id));
}

Result<std::unique_ptr<ServerStorage::Upload>> ServerStorage::HoldUpload(
    const std::string& repository, const std::string& id) {
  // Read as well, for a session that an earlier process began.
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(UploadPath(repository, id).c_str(),
                                         O_RDWR | O_APPEND));
  {
    auto sessions = sessions_.lock();
    Session& session = (*sessions)[id];
    if (session.held) {
      return Error(ErrorCode::kUnavailable,
                   "upload " + id + " is in use by another request");
    }
    session.held = true;
  }
  // Held from here on, so that the size is that of no other request's making.
  auto upload = std::unique_ptr<Upload>(
      new Upload(*this, repository, id, std::move(fd), 0));
  ASSIGN_OR_RETURN(upload->size_bytes_, UploadSize(repository, id));
  auto sessions = sessions_.lock();
  Session& session = (*sessions)[id];
  std::swap(upload->hasher_, session.hasher);
  upload->hashed_bytes_ = session.hashed_bytes;
  return upload;
}

ServerStorage::Upload::Upload(ServerStorage& storage, std::string repository,
                              std::string id, UniqueFd fd, uint64_t size_bytes)
    : storage_(storage),
      repository_(std::move(repository)),
      id_(std::move(id)),
      fd_(std::move(fd)),
      size_bytes_(size_bytes) {}

ServerStorage::Upload::~Upload() {
  auto sessions = storage_.sessions_.lock();
  if (ended_) {
    sessions->erase(id_);
    return;
  }
  auto it = sessions->find(id_);
  if (it == sessions->end()) return;  // removed meanwhile
  it->second.held = false;
  it->second.hashed_bytes = hashed_bytes_;
  std::swap(it->second.hasher, hasher_);
}

Status ServerStorage::Upload::Write(std::span<const std::byte> data) {
  RETURN_IF_ERROR(WriteFully(fd_.get(), data));
  if (hashed_bytes_ == size_bytes_) {
    hasher_.Update(data);
    hashed_bytes_ += data.size();
  }
  size_bytes_ += data.size();
  return {};
}

Status ServerStorage::Upload::Rehash() {
  hasher_ = oci::Hasher();
  hashed_bytes_ = 0;
  if (::lseek(fd_.get(), 0, SEEK_SET) < 0) return ErrnoError("seek in upload");
  FdSource source(fd_.get());
  std::vector<std::byte> buffer(kStreamBufferBytes);
  while (true) {
    ASSIGN_OR_RETURN(size_t count, source.Read(buffer));
    if (count == 0) return {};
    hasher_.Update(std::span<const std::byte>(buffer).first(count));
    hashed_bytes_ += count;
  }
}

Status ServerStorage::Upload::Commit(const oci::Digest& expected) {
  if (hashed_bytes_ != size_bytes_) RETURN_IF_ERROR(Rehash());
  oci::Digest actual = hasher_.Finish();
  ended_ = true;
  std::string path = storage_.UploadPath(repository_, id_);
  if (actual != expected) {
    ::unlink(path.c_str());
    return Corrupt("the content has digest " + actual.ToString());
  }
  if (storage_.sync_writes_ && ::fdatasync(fd_.get()) != 0) {
    return ErrnoError("write " + path);
  }
  std::string blob_path = storage_.BlobPath(expected);
  if (::rename(path.c_str(), blob_path.c_str()) != 0) {
    return ErrnoError("write " + blob_path);
  }
  return storage_.LinkBlob(repository_, expected);
}

}  // namespace strake::registry
