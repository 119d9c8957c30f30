#include "tasks/run/path_map.h"

#include <fcntl.h>

#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::tasks::run {
namespace {

bool IsIn(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.starts_with(folder) && path[folder.size()] == '/');
}

Result<std::string> InFolder(const std::string& folder, std::string_view path) {
  UniqueFd root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return ErrnoError("open " + folder);
  ASSIGN_OR_RETURN(std::string resolved, ResolveInRoot(root.get(), path));
  return resolved.empty() ? folder : folder + "/" + resolved;
}

}  // namespace

std::string AbsolutePath(std::string_view directory, std::string_view path) {
  std::string joined(path);
  if (!path.starts_with('/')) {
    joined = std::string(directory) + "/" + joined;
  }
  return CleanPath(joined);
}

Result<std::string> HostPath(const RunSpace& space, std::string_view path,
                             std::string_view what) {
  if (IsIn(path, kWorkspace)) {
    return InFolder(space.folder.workspace(), path.substr(kWorkspace.size()));
  }
  if (IsIn(path, kHome)) {
    return InFolder(space.folder.home(), path.substr(kHome.size()));
  }
  return InvalidArgument(
      std::string(what) + " " + std::string(path) +
      ": not a place that the steps of a run share; put it below " +
      std::string(kWorkspace) + " or " + std::string(kHome));
}

}  // namespace strake::tasks::run
