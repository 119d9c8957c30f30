#include "cli/result_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <span>

#include "util/atomic_file.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::cli {

Status WriteResultFile(const std::string& path, std::string_view content) {
  struct stat info;
  bool special = stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
  if (!special) return WriteFileAtomically(path, content);
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path.c_str(), O_WRONLY));
  return WriteFully(fd.get(), std::as_bytes(std::span(content)));
}

Status PrepareResultFile(const char* option, const std::string& path) {
  if (path.empty()) return {};
  struct stat info;
  if (lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
    unlink(path.c_str());
  }
  if (stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode)) return {};
  auto tried = AtomicFile::Create(path);
  if (!tried) return std::move(tried).error().Wrap(option);
  return {};
}

}  // namespace strake::cli
