// Files that are either whole or not there, and locks between processes.

#ifndef STRAKE_UTIL_ATOMIC_FILE_H_
#define STRAKE_UTIL_ATOMIC_FILE_H_

#include <optional>
#include <string>
#include <string_view>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake {

struct AtomicFileOptions {
  unsigned mode = 0644;  // exactly: umask does not apply
  // Wait until content and name have reached the disk; for files of the user,
  // not for caches.
  bool sync = false;
};

// A file being written beside its destination. Dropped without `Commit`, it
// leaves nothing behind. Not thread-safe; several writers of one name may be at
// work, and the last to commit wins.
class AtomicFile {
 public:
  // Starts a file that will be `path`; its directory must exist.
  static Result<AtomicFile> Create(const std::string& path,
                                   const AtomicFileOptions& options = {});
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  int fd() const { return fd_.get(); }
  // Where it is until `Commit`.
  const std::string& temporary_path() const { return temporary_; }
  // Puts the file in place of whatever has its name. Call once, last.
  Status Commit();

 private:
  AtomicFile(std::string path, std::string temporary, UniqueFd fd, bool sync)
      : path_(std::move(path)),
        temporary_(std::move(temporary)),
        fd_(std::move(fd)),
        sync_(sync) {}

  std::string path_;
  std::string temporary_;  // empty: committed or moved from
  UniqueFd fd_;
  bool sync_;
};

// Makes `content` the whole of `path`.
Status WriteFileAtomically(const std::string& path, std::string_view content,
                           const AtomicFileOptions& options = {});

// `<prefix><16 random hexadecimal digits>`, for names beside others.
std::string RandomName(std::string_view prefix);

// A lock on a file, held by whoever has the descriptor: it ends with its owner,
// and with the process at the latest. It excludes other holders in this and in
// other processes, but does not hinder reading or writing.
class FileLock {
 public:
  enum class Mode { kShared, kExclusive };

  // Locks the file `path` (made, empty, if missing; a directory is fine),
  // waiting for its holders.
  static Result<FileLock> Acquire(const std::string& path, Mode mode);
  // The same without waiting: nothing where another holds it.
  static Result<std::optional<FileLock>> TryAcquire(const std::string& path,
                                                    Mode mode);

  int fd() const { return fd_.get(); }

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace strake

#endif  // STRAKE_UTIL_ATOMIC_FILE_H_
