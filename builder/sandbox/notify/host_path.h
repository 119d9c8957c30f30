// Paths of the host's /proc, made without allocating.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_HOST_PATH_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_HOST_PATH_H_

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <string>

namespace strake::builder::sandbox::notify {

// Usable as a C string for the length of an expression or a scope.
class HostPath {
 public:
  // "/proc/self/fd/N": an own descriptor by name.
  static HostPath OwnDescriptor(int fd) {
    HostPath path;
    std::snprintf(path.text_, sizeof(path.text_), "/proc/self/fd/%d", fd);
    return path;
  }
  // "/proc/PID/fd/N", or "/proc/PID/cwd" for AT_FDCWD.
  static HostPath Descriptor(pid_t thread, int fd) {
    HostPath path;
    if (fd == AT_FDCWD) {
      std::snprintf(path.text_, sizeof(path.text_), "/proc/%d/cwd", thread);
    } else {
      std::snprintf(path.text_, sizeof(path.text_), "/proc/%d/fd/%d", thread,
                    fd);
    }
    return path;
  }
  const char* c_str() const { return text_; }

  // What the link at this path says; empty where there is none.
  std::string ReadLink() const {
    char target[PATH_MAX + 16];
    const ssize_t n = readlink(text_, target, sizeof(target));
    return n < 0 ? std::string() : std::string(target, static_cast<size_t>(n));
  }

 private:
  char text_[48] = {};
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_HOST_PATH_H_
