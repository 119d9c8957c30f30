#include "util/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <random>
#include <span>
#include <utility>

#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake {
namespace {

std::string DirectoryOf(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status SyncDirectory(const std::string& directory) {
  ASSIGN_OR_RETURN(UniqueFd fd,
                   OpenFile(directory.c_str(), O_RDONLY | O_DIRECTORY));
  // EINVAL: a file system without it.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) {
    return ErrnoError("fsync " + directory);
  }
  return {};
}

// A directory can be locked, but not created or opened for writing.
Result<UniqueFd> OpenToLock(const std::string& path) {
  auto fd = OpenFile(path.c_str(), O_RDONLY);
  if (fd || fd.error().code() != ErrorCode::kNotFound) return fd;
  return OpenFile(path.c_str(), O_RDONLY | O_CREAT, 0644);
}

int FlockOperation(FileLock::Mode mode) {
  return mode == FileLock::Mode::kShared ? LOCK_SH : LOCK_EX;
}

}  // namespace

std::string RandomName(std::string_view prefix) {
  std::array<std::byte, 8> bytes;
  if (::getrandom(bytes.data(), bytes.size(), 0) !=
      static_cast<ssize_t>(bytes.size())) {
    std::random_device device;
    for (std::byte& b : bytes) b = static_cast<std::byte>(device());
  }
  return std::string(prefix) + HexEncode(bytes);
}

Result<AtomicFile> AtomicFile::Create(const std::string& path,
                                      const AtomicFileOptions& options) {
  std::string temporary = DirectoryOf(path) + "/" + RandomName(".tmp-");
  int opened =
      ::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (opened < 0) return ErrnoError("create " + path);
  AtomicFile file(path, std::move(temporary), UniqueFd(opened), options.sync);
  if (::fchmod(file.fd(), options.mode) != 0) {
    return ErrnoError("chmod " + file.temporary_);
  }
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)),
      sync_(other.sync_) {}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status AtomicFile::Commit() {
  if (sync_ && ::fsync(fd_.get()) != 0) return ErrnoError("fsync " + path_);
  // close(2) is where some file systems report that the disk is full.
  if (::close(fd_.release()) != 0) return ErrnoError("close " + path_);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return ErrnoError("rename to " + path_);
  }
  temporary_.clear();
  if (sync_) return SyncDirectory(DirectoryOf(path_));
  return {};
}

Status WriteFileAtomically(const std::string& path, std::string_view content,
                           const AtomicFileOptions& options) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path, options));
  auto written = WriteFully(
      file.fd(), std::as_bytes(std::span(content.data(), content.size())));
  if (!written) return std::move(written).error().Wrap(path);
  return file.Commit();
}

Result<FileLock> FileLock::Acquire(const std::string& path, Mode mode) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenToLock(path));
  while (::flock(fd.get(), FlockOperation(mode)) != 0) {
    if (errno != EINTR) return ErrnoError("lock " + path);
  }
  return FileLock(std::move(fd));
}

Result<std::optional<FileLock>> FileLock::TryAcquire(const std::string& path,
                                                     Mode mode) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenToLock(path));
  while (::flock(fd.get(), FlockOperation(mode) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::optional<FileLock>();
    if (errno != EINTR) return ErrnoError("lock " + path);
  }
  return std::optional<FileLock>(FileLock(std::move(fd)));
}

}  // namespace strake
