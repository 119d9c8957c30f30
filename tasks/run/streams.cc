#include "tasks/run/streams.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace strake::tasks::run {

bool Streams::HasReader() const {
  if (stdout_fd < 0) return true;
  pollfd out{.fd = stdout_fd, .events = 0, .revents = 0};
  return ::poll(&out, 1, 0) <= 0 || (out.revents & (POLLERR | POLLHUP)) == 0;
}

void Streams::Write(int stream, int fd, std::string_view text) const {
  if (fd < 0) {
    if (on_output) on_output(stream, text);
    return;
  }
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace strake::tasks::run
