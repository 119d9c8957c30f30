#include "oci/layer_tree.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::oci {

std::string JoinPath(const std::string& directory, std::string_view name) {
  if (directory.empty()) return std::string(name);
  std::string path = directory;
  path += '/';
  return path += name;
}

DirectoryAndName SplitName(std::string_view path) {
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", std::string(path)};
  return {path.substr(0, slash), std::string(path.substr(slash + 1))};
}

Status LayerTree::RemoveExisting(int directory, const std::string& name,
                                 const std::string& path) {
  bool journaled = options_.journal != nullptr && !options_.journal->empty();
  if (::unlinkat(directory, name.c_str(), 0) == 0) {
    making_.ForgetRemovedFile();
    existing_.ForgetRemovedFile();
    if (journaled) options_.journal->Remove(path);
    return {};
  }
  if (errno == ENOENT) return {};
  // POSIX has EPERM for directories.
  if (errno != EISDIR && errno != EPERM) {
    return ErrnoError("cannot remove what is there");
  }
  RETURN_IF_ERROR(RemoveAllAt(directory, name.c_str()));
  making_.ForgetRemovedDirectory();
  existing_.ForgetRemovedDirectory();
  if (journaled) options_.journal->Remove(path);
  times_.erase(path);
  std::string below = JoinPath(path, "");
  auto it = times_.lower_bound(below);
  while (it != times_.end() && it->first.starts_with(below)) {
    it = times_.erase(it);
  }
  return {};
}

Status LayerTree::SetOpaque(int directory, const std::string& name) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenDirectoryAt(directory, name.c_str()));
  const char* key = options_.whiteouts == WhiteoutForm::kOverlayTrusted
                        ? "trusted.overlay.opaque"
                        : "user.overlay.opaque";
  if (::fsetxattr(fd.get(), key, "y", 1, 0) == 0) return {};
  return ErrnoError("cannot mark the directory opaque for overlay");
}

void LayerTree::TouchEntry(const std::string& path) {
  if (!for_overlay()) touched_.insert(path);
}

void LayerTree::TouchDirectory(const std::string& path) {
  if (for_overlay() || path == last_touched_) return;
  last_touched_ = path;
  std::string_view outer = path;
  while (!outer.empty() && touched_.emplace(outer).second) {
    outer = SplitName(outer).directory;
  }
}

void LayerTree::KeepTime(const DirectoryCursor::Location& directory) {
  if (directory.path == last_kept_) return;
  last_kept_ = directory.path;
  if (times_.contains(directory.path)) return;
  struct stat info;
  if (::fstatat(directory.fd, "", &info, AT_EMPTY_PATH) != 0) return;
  times_[directory.path] = std::chrono::seconds(info.st_mtim.tv_sec) +
                           std::chrono::nanoseconds(info.st_mtim.tv_nsec);
}

Status LayerTree::ApplyTimes() {
  DirectoryCursor cursor(root_);
  for (const auto& [path, time] : times_) {
    DirectoryAndName place = SplitName(path);
    ASSIGN_OR_RETURN(const DirectoryCursor::Location* directory,
                     cursor.Enter(place.directory));
    auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    timespec times[2] = {};
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = static_cast<time_t>(seconds.count());
    times[1].tv_nsec = static_cast<long>((time - seconds).count());
    const char* name = path.empty() ? "." : place.name.c_str();
    if (::utimensat(directory->fd, name, times, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoError("cannot set the time of " + GoQuote(path));
    }
  }
  return {};
}

}  // namespace strake::oci
