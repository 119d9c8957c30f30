// Other files in place of those of a root file system, for a time: what a mount
// would do, by renaming.
//
// What is covered lies meanwhile in a folder beside the root; nobody looking
// into the root sees it. Not thread-safe.

#ifndef STRAKE_BUILDER_SANDBOX_ROOT_COVERS_H_
#define STRAKE_BUILDER_SANDBOX_ROOT_COVERS_H_

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {

class RootCovers {
 public:
  // `root_path` names the directory that `root` (borrowed) is; the folder for
  // what is covered is made beside it, in the same file system.
  static Result<RootCovers> Open(int root, const std::string& root_path);

  RootCovers(RootCovers&& other) noexcept;
  RootCovers& operator=(RootCovers&&) = delete;
  // Restores what `Restore` was not asked to, as far as it can.
  ~RootCovers();

  // Puts an empty directory, or file, at what `target` denotes inside the root,
  // every symlink resolved; what was there is out of sight, and missing
  // directories on the way are made. Returns it, open for reading or writing.
  Result<UniqueFd> CoverWithDirectory(std::string_view target, mode_t mode);
  Result<UniqueFd> CoverWithFile(std::string_view target, mode_t mode);

  // What `RestoreTo` goes back to.
  size_t mark() const { return changes_.size(); }
  // Undoes, the last one first, what was done since `mark` was read.
  Status RestoreTo(size_t mark);

  // Removes the new files with all that is in them, and puts the old ones back,
  // the last one first. Directories that were made on the way go if they are
  // empty. A directory whose time nobody else changed gets its old one back.
  Status Restore();

 private:
  // One change of a directory.
  struct Change {
    UniqueFd parent;  // for reading
    std::string name;
    bool is_cover = false;  // else a directory on the way
    bool hides = false;     // something lies in the folder, named by its index
    struct timespec accessed = {};
    struct timespec modified = {};
    struct timespec modified_by_us = {};
  };

  RootCovers(int root, std::string hidden_path, UniqueFd hidden)
      : root_(root),
        hidden_path_(std::move(hidden_path)),
        hidden_(std::move(hidden)) {}
  Result<UniqueFd> Enter(int parent, const std::string& name);
  // Leaves the name free in the last of `changes_`.
  Status PutAside(std::string_view target);
  // To be called when the name is taken.
  Status NoteTime();
  Status Undo(const Change& change, size_t index);

  int root_;
  std::string hidden_path_;  // empty: nothing to restore any more
  UniqueFd hidden_;
  std::vector<Change> changes_;
};

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_ROOT_COVERS_H_
