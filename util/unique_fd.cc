#include "util/unique_fd.h"

#include <fcntl.h>

#include <cerrno>
#include <string>

namespace strake {

Result<UniqueFd> OpenFile(const char* path, int flags, unsigned mode) {
  return OpenFileAt(AT_FDCWD, path, flags, mode);
}

Result<UniqueFd> OpenFileAt(int dir, const char* path, int flags,
                            unsigned mode) {
  int fd;
  do {
    fd = ::openat(dir, path, flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return ErrnoError(std::string("open ") + path);
  return UniqueFd(fd);
}

Result<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return ErrnoError("make a pipe");
  return Pipe{.read_end = UniqueFd(ends[0]), .write_end = UniqueFd(ends[1])};
}

Result<UniqueFd> DuplicateFd(int fd) {
  int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return ErrnoError("duplicate a file descriptor");
  return UniqueFd(copy);
}

}  // namespace strake
