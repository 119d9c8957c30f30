#include "builder/sandbox/scratch_directory.h"

#include <dirent.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "util/c_handle.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"

namespace strake::builder::sandbox {
namespace {

constexpr std::string_view kPrefix = "strake-run-";

Result<std::string> PlaceFor(const std::string& wish) {
  if (!wish.empty()) return wish;
  std::error_code error;
  std::string path = std::filesystem::temp_directory_path(error).string();
  if (error) return IoError("temporary directory: " + error.message());
  return path;
}

Result<std::vector<std::string>> ScratchIn(const std::string& place) {
  std::unique_ptr<DIR, FreeWith<closedir>> directory(opendir(place.c_str()));
  if (!directory) return ErrnoError("read the directory " + place);
  std::vector<std::string> found;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name.starts_with(kPrefix)) {
      found.push_back(place + "/" + std::string(name));
    }
  }
  return found;
}

}  // namespace

Result<ScratchDirectory> ScratchDirectory::Make(const std::string& place) {
  ASSIGN_OR_RETURN(const std::string parent, PlaceFor(place));
  // Between its creation and its lock it looks abandoned.
  // Nobody sweeps the system's directory, which others might keep locked.
  std::optional<FileLock> creating;
  if (!place.empty()) {
    ASSIGN_OR_RETURN(creating,
                     FileLock::Acquire(parent, FileLock::Mode::kShared));
  }
  std::string path = parent + "/" + std::string(kPrefix) + "XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return ErrnoError("make a directory in " + parent);
  }
  ASSIGN_OR_RETURN(FileLock lock,
                   FileLock::Acquire(path, FileLock::Mode::kShared));
  return ScratchDirectory(std::move(path), std::move(lock));
}

Status ScratchDirectory::Remove() {
  if (path_.empty()) return {};
  return RemoveAllAtPath(std::exchange(path_, {}));
}

Status RemoveAbandonedScratch(const std::string& place) {
  ASSIGN_OR_RETURN(const std::optional<FileLock> alone,
                   FileLock::TryAcquire(place, FileLock::Mode::kExclusive));
  // Somebody is making one: the next strake will look.
  if (!alone) return {};
  ASSIGN_OR_RETURN(const std::vector<std::string> found, ScratchIn(place));
  for (const std::string& path : found) {
    struct stat status {};
    // Its owner has removed it by now.
    if (lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) continue;
    ASSIGN_OR_RETURN(const std::optional<FileLock> unused,
                     FileLock::TryAcquire(path, FileLock::Mode::kExclusive));
    if (unused) RETURN_IF_ERROR(RemoveAllAtPath(path));
  }
  return {};
}

}  // namespace strake::builder::sandbox
