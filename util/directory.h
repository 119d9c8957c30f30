// Directory descriptors: listing one, and descending from one to the next
// without holding a descriptor for every level.

#ifndef STRAKE_UTIL_DIRECTORY_H_
#define STRAKE_UTIL_DIRECTORY_H_

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake {

struct DirectoryEntry {
  std::string name;
  unsigned char type = 0;  // DT_*; DT_UNKNOWN where the file system won't say
};

// What is in the directory `fd` (opened for reading, not O_PATH), without "."
// and "..", in no order. Starts at the beginning whatever was read before.
Result<std::vector<DirectoryEntry>> ListDirectory(int fd);

// The way from a top directory down to the one at hand. Trees made by a hostile
// step can be deeper than a process may have files open, so only the innermost
// directories stay open; the outer ones are found again through "..", and
// checked to be the same.
//
// Not thread-safe.
class DirectoryStack {
 public:
  // `top` is open for reading.
  explicit DirectoryStack(UniqueFd top);

  // The innermost directory, open for reading.
  int fd() const { return levels_.back().fd.get(); }
  // 0 at the top.
  size_t depth() const { return levels_.size() - 1; }

  // Enters `name`, never through a symlink.
  Status Push(const char* name);
  // Enters a directory directly inside the innermost one that the caller has
  // opened.
  Status Push(UniqueFd directory);
  // Returns to the directory around. `kIo` if it is not the one that was left
  // (something was moved meanwhile). REQUIRES: depth() > 0
  Status Pop();

 private:
  struct Level {
    UniqueFd fd;  // none: closed to save descriptors
    dev_t device = 0;
    ino_t inode = 0;
  };
  std::vector<Level> levels_;
};

}  // namespace strake

#endif  // STRAKE_UTIL_DIRECTORY_H_
