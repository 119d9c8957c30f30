#include "util/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "util/result_macros.h"

namespace strake {
namespace {

constexpr size_t kMaxOpenLevels = 64;

bool IsDotOrDotDot(const char* name) {
  return name[0] == '.' &&
         (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

}  // namespace

Result<std::vector<DirectoryEntry>> ListDirectory(int fd) {
  if (::lseek(fd, 0, SEEK_SET) < 0) return ErrnoError("rewind directory");
  std::vector<DirectoryEntry> entries;
  alignas(struct dirent64) std::array<char, 32 << 10> buffer;
  while (true) {
    ssize_t bytes = ::getdents64(fd, buffer.data(), buffer.size());
    if (bytes < 0) return ErrnoError("read directory");
    if (bytes == 0) return entries;
    for (ssize_t at = 0; at < bytes;) {
      const auto* entry =
          reinterpret_cast<const struct dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      if (IsDotOrDotDot(entry->d_name)) continue;
      entries.push_back({entry->d_name, entry->d_type});
    }
  }
}

DirectoryStack::DirectoryStack(UniqueFd top) {
  levels_.push_back({std::move(top), 0, 0});
}

Status DirectoryStack::Push(const char* name) {
  ASSIGN_OR_RETURN(UniqueFd child,
                   OpenFileAt(fd(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return Push(std::move(child));
}

Status DirectoryStack::Push(UniqueFd directory) {
  levels_.push_back({std::move(directory), 0, 0});
  if (levels_.size() <= kMaxOpenLevels) return {};
  Level& far = levels_[levels_.size() - 1 - kMaxOpenLevels];
  if (!far.fd) return {};  // closed on the way to a sibling
  struct stat st;
  if (::fstat(far.fd.get(), &st) != 0) return ErrnoError("stat directory");
  far.device = st.st_dev;
  far.inode = st.st_ino;
  far.fd.reset();
  return {};
}

Status DirectoryStack::Pop() {
  Level inner = std::move(levels_.back());
  levels_.pop_back();
  Level& outer = levels_.back();
  if (outer.fd) return {};
  ASSIGN_OR_RETURN(outer.fd,
                   OpenFileAt(inner.fd.get(), "..", O_RDONLY | O_DIRECTORY));
  struct stat st;
  if (::fstat(outer.fd.get(), &st) != 0) return ErrnoError("stat directory");
  if (st.st_dev != outer.device || st.st_ino != outer.inode) {
    return IoError("a directory was moved while its tree was walked");
  }
  return {};
}

}  // namespace strake
