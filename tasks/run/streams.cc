#include "tasks/run/streams.h"

#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace strake::tasks::run {

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
