// An owned file descriptor, closed with its owner.

#ifndef STRAKE_UTIL_UNIQUE_FD_H_
#define STRAKE_UTIL_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

#include "util/result.h"

namespace strake {

class UniqueFd {
 public:
  UniqueFd() = default;
  // Takes ownership of `fd`; -1 is "none".
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

  // Gives the descriptor up without closing it.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC, retried on EINTR. Errors name `path`.
Result<UniqueFd> OpenFile(const char* path, int flags, unsigned mode = 0);
// openat(2) likewise.
Result<UniqueFd> OpenFileAt(int dir, const char* path, int flags,
                            unsigned mode = 0);
// pipe2(2) with O_CLOEXEC.
struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
Result<Pipe> MakePipe();
// A second descriptor for the same open file (F_DUPFD_CLOEXEC).
Result<UniqueFd> DuplicateFd(int fd);

}  // namespace strake

#endif  // STRAKE_UTIL_UNIQUE_FD_H_
