// The tree that a layer is unpacked into: how its directories are found, what
// of it belongs to this layer, and what its directories' times shall be. For
// the `.cc` files of this room. Not thread-safe.

#ifndef STRAKE_OCI_LAYER_TREE_H_
#define STRAKE_OCI_LAYER_TREE_H_

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>

#include "oci/directory_cursor.h"
#include "oci/layer_applier.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::oci {

class LayerTree {
 public:
  // `root` and `options` are borrowed; `make` as `DirectoryCursor` has it.
  LayerTree(int root, const LayerApplyOptions& options,
            DirectoryCursor::Make make)
      : root_(root),
        options_(options),
        making_(root, std::move(make)),
        existing_(root) {}

  int root() const { return root_; }
  OwnershipJournal* journal() { return options_.journal; }
  // Whether the tree holds this layer only, to be merged by an overlay mount.
  bool for_overlay() const {
    return options_.whiteouts != WhiteoutForm::kDelete;
  }

  // Two ways to a directory: one makes what is missing, one does not.
  DirectoryCursor& making() { return making_; }
  DirectoryCursor& existing() { return existing_; }

  // Calls `make`, a system call that makes `name` in `directory` (whose path
  // is `path`) and refuses existing names; where it does, once more after the
  // name was removed.
  template <typename MakeCall>
  Status MakeNew(int directory, const std::string& name,
                 const std::string& path, MakeCall make);
  // Removes whatever has the name; nothing is fine.
  Status RemoveExisting(int directory, const std::string& name,
                        const std::string& path);
  // For overlay: nothing of the layers below shows through directory `name`.
  Status SetOpaque(int directory, const std::string& name);

  // An entry of this layer, respectively a directory that one is in. Whiteouts
  // of the same layer do not concern these. (Not kept for overlay.)
  void TouchEntry(const std::string& path);
  void TouchDirectory(const std::string& path);
  bool IsTouched(const std::string& path) const {
    return touched_.contains(path);
  }

  // What `ApplyTimes` sets, when nothing is made in the directories any more.
  void SetTime(const std::string& path, std::chrono::nanoseconds time) {
    times_[path] = time;
  }
  // A directory that the layer does not describe keeps its time, whatever is
  // put into it.
  void KeepTime(const DirectoryCursor::Location& directory);
  Status ApplyTimes();

 private:
  int root_;
  const LayerApplyOptions& options_;
  DirectoryCursor making_;
  DirectoryCursor existing_;
  std::map<std::string, std::chrono::nanoseconds> times_;
  std::unordered_set<std::string> touched_;
  // Neighbouring entries share their directory.
  std::string last_touched_;
  std::string last_kept_ = "/";  // no directory's path
};

// Opens a directory itself, for reading.
inline Result<UniqueFd> OpenDirectoryAt(int parent, const char* name) {
  return OpenFileAt(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

inline bool IsOverlayWhiteout(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == 0;
}

// `name` in `directory`, whose path is "" for the root.
std::string JoinPath(const std::string& directory, std::string_view name);

struct DirectoryAndName {
  std::string_view directory;  // "" for the root
  std::string name;
};
DirectoryAndName SplitName(std::string_view path);

template <typename MakeCall>
Status LayerTree::MakeNew(int directory, const std::string& name,
                          const std::string& path, MakeCall make) {
  if (make() == 0) return {};
  if (errno == EEXIST) {
    Status removed = RemoveExisting(directory, name, path);
    if (!removed) return removed;
    if (make() == 0) return {};
  }
  return ErrnoError("cannot make it");
}

}  // namespace strake::oci

#endif  // STRAKE_OCI_LAYER_TREE_H_
