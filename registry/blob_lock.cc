// A file for each blob that is being fetched, in `.strake/fetching/` of the
// store, with a lock on it. Its owner removes it, still locked; who gets the
// lock of a file that has no name any more has to try again.

#include "registry/blob_lock.h"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>

#include "registry/retry.h"
#include "util/result_macros.h"

namespace strake::registry {
namespace {

constexpr std::chrono::milliseconds kPause{20};

bool IsNamed(const FileLock& lock, const std::string& path) {
  struct stat held, named;
  return ::fstat(lock.fd(), &held) == 0 && ::stat(path.c_str(), &named) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

}  // namespace

Result<BlobLock> BlobLock::Acquire(const oci::BlobStore& store,
                                   const oci::Digest& digest,
                                   std::stop_token stop) {
  const std::string folder = store.directory() + "/.strake/fetching";
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return ErrnoError("make " + folder, failed.value());
  const std::string path = folder + "/" + digest.Hex();
  while (true) {
    ASSIGN_OR_RETURN(std::optional<FileLock> lock,
                     FileLock::TryAcquire(path, FileLock::Mode::kExclusive));
    if (lock && IsNamed(*lock, path)) return BlobLock(path, *std::move(lock));
    if (!lock && !WaitFor(kPause, stop)) {
      return Cancelled("stopped while another fetches blob " +
                       digest.ToString());
    }
  }
}

BlobLock::~BlobLock() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

}  // namespace strake::registry
