#include "oci/whiteout_applier.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <vector>

#include "util/directory.h"
#include "util/result_macros.h"

namespace strake::oci {
namespace {

// The directory, or null where there is none and so nothing to delete.
Result<const DirectoryCursor::Location*> EnterExisting(
    LayerTree& tree, std::string_view directory) {
  auto entered = tree.existing().Enter(directory);
  if (!entered && entered.error().code() == ErrorCode::kNotFound) {
    return static_cast<const DirectoryCursor::Location*>(nullptr);
  }
  return entered;
}

Status MarkDeleted(LayerTree& tree, int directory, const std::string& name) {
  if (::mknodat(directory, name.c_str(), S_IFCHR, 0) == 0) return {};
  if (errno != EEXIST) return ErrnoError("cannot make an overlay whiteout");
  struct stat info;
  if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoError("cannot stat it");
  }
  // What is there is of this layer; only a directory lets anything through.
  return S_ISDIR(info.st_mode) ? tree.SetOpaque(directory, name) : Status();
}

// A directory on the way through a tree.
struct Level {
  std::string path;
  std::vector<DirectoryEntry> entries;  // those not yet looked at
};

bool IsDirectory(int parent, const std::string& name) {
  struct stat info;
  return ::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(info.st_mode);
}

// Removes what the directory `name` in `parent` (its path: `path`) has from
// the layers below, at any depth, and keeps what this layer put there. A file
// is this layer's.
Status RemoveUntouched(LayerTree& tree, int parent, const std::string& name,
                       const std::string& path) {
  if (!IsDirectory(parent, name)) return {};
  ASSIGN_OR_RETURN(UniqueFd top, OpenDirectoryAt(parent, name.c_str()));
  DirectoryStack stack(std::move(top));
  std::vector<Level> levels(1);
  levels[0].path = path;
  ASSIGN_OR_RETURN(levels[0].entries, ListDirectory(stack.fd()));
  while (true) {
    Level& level = levels.back();
    if (level.entries.empty()) {
      levels.pop_back();
      if (levels.empty()) return {};
      RETURN_IF_ERROR(stack.Pop());
      continue;
    }
    std::string child = std::move(level.entries.back().name);
    level.entries.pop_back();
    std::string child_path = JoinPath(level.path, child);
    if (!tree.IsTouched(child_path)) {
      RETURN_IF_ERROR(tree.RemoveExisting(stack.fd(), child, child_path));
      continue;
    }
    if (!IsDirectory(stack.fd(), child)) continue;
    RETURN_IF_ERROR(stack.Push(child.c_str()));
    Level next;
    next.path = std::move(child_path);
    ASSIGN_OR_RETURN(next.entries, ListDirectory(stack.fd()));
    levels.push_back(std::move(next));
  }
}

}  // namespace

Status ApplyWhiteout(LayerTree& tree, std::string_view directory,
                     const std::string& name) {
  if (tree.for_overlay()) {
    ASSIGN_OR_RETURN(const DirectoryCursor::Location* place,
                     tree.making().Enter(directory));
    tree.KeepTime(*place);
    return MarkDeleted(tree, place->fd, name);
  }
  ASSIGN_OR_RETURN(const DirectoryCursor::Location* place,
                   EnterExisting(tree, directory));
  if (place == nullptr) return {};
  tree.KeepTime(*place);
  std::string path = JoinPath(place->path, name);
  if (tree.IsTouched(path)) {
    return RemoveUntouched(tree, place->fd, name, path);
  }
  return tree.RemoveExisting(place->fd, name, path);
}

Status ApplyOpaqueWhiteout(LayerTree& tree, std::string_view directory) {
  if (tree.for_overlay()) {
    if (directory.empty()) {
      return Unsupported(
          "an opaque whiteout of the root cannot be kept in an overlay");
    }
    ASSIGN_OR_RETURN(const DirectoryCursor::Location* place,
                     tree.making().Enter(directory));
    return tree.SetOpaque(place->fd, ".");
  }
  ASSIGN_OR_RETURN(const DirectoryCursor::Location* place,
                   EnterExisting(tree, directory));
  if (place == nullptr) return {};
  tree.KeepTime(*place);
  return RemoveUntouched(tree, place->fd, ".", std::string(place->path));
}

}  // namespace strake::oci
