#include "tasks/run/path_map.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>

#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::tasks::run {
namespace {

constexpr uint64_t kMostSharedBytes = uint64_t{1} << 20;

bool IsIn(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.starts_with(folder) && path[folder.size()] == '/');
}

// A place that all steps share: its folder, and the path in it.
struct SharedPlace {
  std::string folder;
  std::string_view path;
};

Result<SharedPlace> FindPlace(const RunSpace& space, std::string_view path,
                              std::string_view what) {
  if (IsIn(path, kWorkspace)) {
    return SharedPlace{space.folder.workspace(),
                       path.substr(kWorkspace.size())};
  }
  if (IsIn(path, kHome)) {
    return SharedPlace{space.folder.home(), path.substr(kHome.size())};
  }
  return InvalidArgument(
      std::string(what) + " " + std::string(path) +
      ": not a place that the steps of a run share; put it below " +
      std::string(kWorkspace) + " or " + std::string(kHome));
}

Result<UniqueFd> OpenFolder(const std::string& folder) {
  UniqueFd root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return ErrnoError("open " + folder);
  return root;
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
  ASSIGN_OR_RETURN(SharedPlace place, FindPlace(space, path, what));
  ASSIGN_OR_RETURN(UniqueFd root, OpenFolder(place.folder));
  ASSIGN_OR_RETURN(std::string resolved, ResolveInRoot(root.get(), place.path));
  return resolved.empty() ? place.folder : place.folder + "/" + resolved;
}

Result<std::string> ReadShared(const RunSpace& space, std::string_view path,
                               std::string_view what) {
  const std::string shown = std::string(what) + " " + std::string(path);
  ASSIGN_OR_RETURN(SharedPlace place, FindPlace(space, path, what));
  ASSIGN_OR_RETURN(UniqueFd root, OpenFolder(place.folder));
  auto file = OpenInRoot(root.get(), place.path,
                         O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (!file) {
    return Error(file.error().code(),
                 shown + (file.error().code() == ErrorCode::kNotFound
                              ? ": no such file"
                              : ": cannot be read"));
  }
  struct stat status = {};
  if (::fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return InvalidArgument(shown + ": not a regular file");
  }
  FdSource source(*std::move(file));
  auto text = ReadAll(source, kMostSharedBytes);
  if (!text) return std::move(text).error().Wrap(shown);
  return text;
}

std::string AsStepsSee(const RunSpace& space, std::string_view text) {
  return ReplaceAll(ReplaceAll(text, space.folder.workspace(), kWorkspace),
                    space.folder.home(), kHome);
}

}  // namespace strake::tasks::run
