#include "util/temporary_folder.h"

#include <stdlib.h>

#include <filesystem>
#include <system_error>

namespace strake {

Result<TemporaryFolder> TemporaryFolder::Make(std::string_view prefix,
                                              std::string_view what) {
  std::error_code failed;
  const std::filesystem::path base =
      std::filesystem::temp_directory_path(failed);
  if (failed) {
    return IoError("$TMPDIR is no folder " + std::string(what) + ": " +
                   failed.message());
  }
  std::string path = base.string() + "/" + std::string(prefix) + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return ErrnoError("mkdir " + path);
  return TemporaryFolder(std::move(path));
}

TemporaryFolder::~TemporaryFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace strake
