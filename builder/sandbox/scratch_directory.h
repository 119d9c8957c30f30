// Directories for the time of a run, in a place that outlives the process.

#ifndef STRAKE_BUILDER_SANDBOX_SCRATCH_DIRECTORY_H_
#define STRAKE_BUILDER_SANDBOX_SCRATCH_DIRECTORY_H_

#include <string>
#include <utility>

#include "util/atomic_file.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// One of them, empty at first, only its owner's. Not thread-safe.
class ScratchDirectory {
 public:
  // Makes one in `place`; empty: in the system's directory for such.
  static Result<ScratchDirectory> Make(const std::string& place);

  ScratchDirectory(ScratchDirectory&& other) noexcept
      : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory() { (void)Remove(); }

  const std::string& path() const { return path_; }
  // With all that is in it.
  Status Remove();

 private:
  ScratchDirectory(std::string path, FileLock lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;  // empty: removed
  FileLock lock_;     // held while somebody may use it
};

// Removes from `place` those of processes that were killed. Others may make and
// use some meanwhile.
Status RemoveAbandonedScratch(const std::string& place);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_SCRATCH_DIRECTORY_H_
