// On disk, beneath the layout's directory:
//
//   blobs/sha256/<64 hex digits>   a blob, published by rename(2)
//   .strake/ingest/<random>        a blob being written, under flock(2) by its
//                                  writer for as long as that one lives
//   .strake/trusted-<boot id>      see trusted_blobs.cc
//
// Power cuts. Nothing is synced when a blob is published: fsync costs more
// than everything else a small build does, and a store can be made again. But
// after a power cut a file system may show the new name over bytes that never
// reached the disk. What a process wrote is safe from that only while the same
// boot of the machine lasts, so the list of trusted blobs bears the kernel's
// boot id: a blob that is not in the list of *this* boot is read and verified
// when it is asked for first (`Stat` included, as callers skip a download on
// its word) and then added. That costs one hashing pass per used blob and
// boot, and also covers layouts that other programs wrote. Rejected: a list of
// what is *not* synced (a power cut may lose the list's own last lines), and
// modification times (clocks jump at boot).
//
// A blob that fails verification is reported, not removed: the layout may be
// somebody else's. Committing the right bytes replaces it.

#include "oci/blob_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "oci/background_hasher.h"
#include "oci/trusted_blobs.h"
#include "util/atomic_file.h"
#include "util/c_handle.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::oci {
namespace {

using DirectoryStream = std::unique_ptr<DIR, FreeWith<closedir>>;

Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return ErrnoError("cannot make directory " + path, error.value());
  return {};
}

// flock(2) through EINTR; false where another process holds the lock.
bool LockFile(int fd, int operation) {
  int result;
  do {
    result = ::flock(fd, operation);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

// What a store and its writers share.
struct Shared {
  explicit Shared(std::string dir)
      : directory(std::move(dir)), trusted(directory + "/.strake") {}

  std::string BlobPath(const Digest& digest) const {
    return directory + "/blobs/sha256/" + digest.Hex();
  }
  std::string IngestDirectory() const { return directory + "/.strake/ingest"; }

  std::string directory;
  TrustedBlobs trusted;
};

// A locked new file in `ingest/`.
struct IngestFile {
  std::string path;
  UniqueFd fd;
};

Result<IngestFile> CreateIngestFile(const Shared& shared) {
  while (true) {
    std::string path = shared.IngestDirectory() + "/" + RandomName("");
    auto fd = OpenFile(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0644);
    if (!fd) {
      if (fd.error().code() != ErrorCode::kNotFound) {
        return std::move(fd).error().Wrap("cannot write a new blob");
      }
      RETURN_IF_ERROR(MakeDirectories(shared.IngestDirectory()));
      continue;
    }
    if (!LockFile(fd->get(), LOCK_EX)) {
      return ErrnoError("cannot lock " + path);
    }
    // `RemoveAbandonedIngests` may have come between open and lock.
    struct stat info;
    if (::fstat(fd->get(), &info) == 0 && info.st_nlink > 0) {
      return IngestFile{std::move(path), std::move(*fd)};
    }
  }
}

class IngestWriter final : public BlobWriter {
 public:
  IngestWriter(std::shared_ptr<const Shared> shared, IngestFile file,
               HashThread hash_thread)
      : shared_(std::move(shared)),
        file_(std::move(file)),
        hasher_(hash_thread) {}
  IngestWriter(const IngestWriter&) = delete;
  IngestWriter& operator=(const IngestWriter&) = delete;
  ~IngestWriter() override {
    if (file_.fd) ::unlink(file_.path.c_str());
  }

  Status Write(std::span<const std::byte> data) override {
    hasher_.Update(data);
    Status written = WriteFully(file_.fd.get(), data);
    if (!written) {
      return std::move(written).error().Wrap("cannot write a blob into " +
                                             shared_->directory);
    }
    size_bytes_ += data.size();
    return {};
  }

  Result<BlobInfo> Commit(const Digest& expected,
                          uint64_t expected_size) override {
    BlobInfo blob{hasher_.Finish(), size_bytes_};
    auto corrupt = [&](const std::string& promised, const std::string& seen) {
      return Corrupt("blob " +
                     (expected.empty() ? blob.digest : expected).ToString() +
                     ": expected " + promised + ", received " + seen);
    };
    if (expected_size != kAnySize && expected_size != size_bytes_) {
      return corrupt(std::to_string(expected_size) + " bytes",
                     std::to_string(size_bytes_));
    }
    if (!expected.empty() && expected != blob.digest) {
      return corrupt("that digest", blob.digest.ToString());
    }
    RETURN_IF_ERROR(Publish(blob.digest));
    return blob;
  }

  uint64_t bytes_written() const override { return size_bytes_; }

  Result<UniqueFd> File() const override {
    UniqueFd file(::fcntl(file_.fd.get(), F_DUPFD_CLOEXEC, 0));
    if (file) return file;
    return ErrnoError("cannot open " + file_.path + " again");
  }

 private:
  Status Publish(const Digest& digest) {
    std::string target = shared_->BlobPath(digest);
    // A good blob of that name stays, with whatever is linked to it.
    bool there = ::access(target.c_str(), F_OK) == 0 &&
                 shared_->trusted.Contains(digest);
    if (there) {
      ::unlink(file_.path.c_str());
    } else if (::rename(file_.path.c_str(), target.c_str()) != 0) {
      return ErrnoError("cannot publish blob " + target);
    }
    // Network file systems report a failed write only here.
    if (::close(file_.fd.release()) != 0) {
      Error error = ErrnoError("cannot finish blob " + target);
      if (!there) ::unlink(target.c_str());
      return error;
    }
    shared_->trusted.Add(digest);
    return {};
  }

  std::shared_ptr<const Shared> shared_;
  IngestFile file_;  // without descriptor once published
  BackgroundHasher hasher_;
  uint64_t size_bytes_ = 0;
};

Result<Digest> DigestOfFd(int fd) {
  std::string buffer(kStreamBufferBytes, '\0');
  Hasher hasher;
  FdSource source(fd);
  while (true) {
    ASSIGN_OR_RETURN(size_t size,
                     source.Read(std::as_writable_bytes(std::span(buffer))));
    if (size == 0) return hasher.Finish();
    hasher.Update(std::string_view(buffer).substr(0, size));
  }
}

// An open blob that is known to be whole.
struct OpenBlob {
  UniqueFd fd;
  uint64_t size_bytes = 0;
};

Result<OpenBlob> OpenVerified(const Shared& shared, const Digest& digest) {
  std::string path = shared.BlobPath(digest);
  auto fd = OpenFile(path.c_str(), O_RDONLY);
  if (!fd) {
    if (fd.error().code() == ErrorCode::kNotFound) {
      return NotFound("no blob " + digest.ToString() + " in " +
                      shared.directory);
    }
    return std::move(fd).error();
  }
  struct stat info;
  if (::fstat(fd->get(), &info) != 0) return ErrnoError("cannot stat " + path);
  if (!S_ISREG(info.st_mode)) return Corrupt(path + " is not a file");
  if (!shared.trusted.Contains(digest)) {
    ASSIGN_OR_RETURN(Digest seen, DigestOfFd(fd->get()));
    if (seen != digest) {
      return Corrupt("blob " + path + " is damaged: its bytes have digest " +
                     seen.ToString());
    }
    if (::lseek(fd->get(), 0, SEEK_SET) != 0) {
      return ErrnoError("cannot read " + path);
    }
    shared.trusted.Add(digest);
  }
  return OpenBlob{std::move(*fd), static_cast<uint64_t>(info.st_size)};
}

}  // namespace

struct BlobStore::State {
  std::shared_ptr<Shared> shared;
};

BlobStore::BlobStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
BlobStore::BlobStore(BlobStore&&) noexcept = default;
BlobStore& BlobStore::operator=(BlobStore&&) noexcept = default;
BlobStore::~BlobStore() = default;

Result<BlobStore> BlobStore::Open(const std::string& directory) {
  RETURN_IF_ERROR(MakeDirectories(directory + "/blobs/sha256"));
  auto state = std::make_unique<State>();
  state->shared = std::make_shared<Shared>(directory);
  return BlobStore(std::move(state));
}

const std::string& BlobStore::directory() const {
  return state_->shared->directory;
}

std::string BlobStore::PathOf(const Digest& digest) const {
  return state_->shared->BlobPath(digest);
}

Result<BlobInfo> BlobStore::Stat(const Digest& digest) const {
  ASSIGN_OR_RETURN(OpenBlob blob, OpenVerified(*state_->shared, digest));
  return BlobInfo{digest, blob.size_bytes};
}

bool BlobStore::Contains(const Digest& digest) const {
  return Stat(digest).has_value();
}

Result<std::unique_ptr<ByteSource>> BlobStore::Open(
    const Descriptor& blob) const {
  ASSIGN_OR_RETURN(OpenBlob open, OpenVerified(*state_->shared, blob.digest));
  if (open.size_bytes != blob.size_bytes) {
    return Corrupt("blob " + PathOf(blob.digest) + " has " +
                   std::to_string(open.size_bytes) + " bytes, but " +
                   std::to_string(blob.size_bytes) + " were promised");
  }
  return std::unique_ptr<ByteSource>(
      std::make_unique<FdSource>(std::move(open.fd)));
}

Result<UniqueFd> BlobStore::OpenFd(const Digest& digest) const {
  ASSIGN_OR_RETURN(OpenBlob blob, OpenVerified(*state_->shared, digest));
  return std::move(blob.fd);
}

Result<std::string> BlobStore::Read(const Digest& digest,
                                    uint64_t limit_bytes) const {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFd(digest));
  FdSource source(std::move(fd));
  auto content = ReadAll(source, limit_bytes);
  if (!content) return std::move(content).error().Wrap(PathOf(digest));
  // Documents are small, and much is believed because of them.
  Digest seen = Digest::Of(*content);
  if (seen != digest) {
    return Corrupt("blob " + PathOf(digest) +
                   " is damaged: its bytes have digest " + seen.ToString());
  }
  return content;
}

Result<std::unique_ptr<BlobWriter>> BlobStore::Create(
    BlobHashing hashing) const {
  ASSIGN_OR_RETURN(IngestFile file, CreateIngestFile(*state_->shared));
  HashThread thread = hashing == BlobHashing::kOwnThread ? HashThread::kOwn
                                                         : HashThread::kCallers;
  return std::unique_ptr<BlobWriter>(
      std::make_unique<IngestWriter>(state_->shared, std::move(file), thread));
}

Result<Descriptor> BlobStore::Put(std::string_view content,
                                  std::string_view media_type) const {
  Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = Digest::Of(content);
  descriptor.size_bytes = content.size();
  if (Contains(descriptor.digest)) return descriptor;
  ASSIGN_OR_RETURN(std::unique_ptr<BlobWriter> writer, Create());
  RETURN_IF_ERROR(writer->Write(content));
  ASSIGN_OR_RETURN(BlobInfo info,
                   writer->Commit(descriptor.digest, content.size()));
  static_cast<void>(info);
  return descriptor;
}

Result<std::vector<BlobInfo>> BlobStore::List() const {
  std::string path = directory() + "/blobs/sha256";
  DirectoryStream stream(::opendir(path.c_str()));
  if (!stream) return ErrnoError("cannot list " + path);
  std::vector<BlobInfo> blobs;
  while (const dirent* entry = ::readdir(stream.get())) {
    auto digest = Digest::Parse("sha256:" + std::string(entry->d_name));
    if (!digest) continue;
    struct stat info;
    if (::fstatat(::dirfd(stream.get()), entry->d_name, &info, 0) != 0) {
      continue;  // removed meanwhile
    }
    blobs.push_back({*digest, static_cast<uint64_t>(info.st_size)});
  }
  std::ranges::sort(blobs, {}, &BlobInfo::digest);
  return blobs;
}

Status BlobStore::Remove(const Digest& digest) const {
  std::string path = PathOf(digest);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return ErrnoError("cannot remove blob " + path);
}

Status BlobStore::RemoveAbandonedIngests() const {
  std::string path = state_->shared->IngestDirectory();
  DirectoryStream stream(::opendir(path.c_str()));
  if (!stream) {
    if (errno == ENOENT) return {};
    return ErrnoError("cannot list " + path);
  }
  while (const dirent* entry = ::readdir(stream.get())) {
    if (entry->d_type == DT_DIR) continue;
    auto fd = OpenFileAt(::dirfd(stream.get()), entry->d_name,
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!fd || !LockFile(fd->get(), LOCK_EX | LOCK_NB)) continue;
    if (::unlinkat(::dirfd(stream.get()), entry->d_name, 0) != 0 &&
        errno != ENOENT) {
      return ErrnoError("cannot remove " + path + "/" + entry->d_name);
    }
  }
  return {};
}

}  // namespace strake::oci
