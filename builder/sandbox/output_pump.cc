#include "builder/sandbox/output_pump.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <vector>

#include "util/result_macros.h"

namespace strake::builder::sandbox {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;

class Pump {
 public:
  Pump(const PumpSources& sources, const OutputCallback& on_output,
       const std::function<void(const ChildReport&)>& on_report)
      : on_output_(on_output), on_report_(on_report), buffer_(kBufferBytes) {
    polled_[kOut].fd = sources.stdout_pipe;
    polled_[kErr].fd = sources.stderr_pipe;
    polled_[kChannel].fd = sources.channel;
    polled_[kProcess].fd = sources.pidfd;
    for (pollfd& entry : polled_) entry.events = POLLIN;
  }

  Status Run() {
    RETURN_IF_ERROR(MakeNonBlocking(kOut));
    RETURN_IF_ERROR(MakeNonBlocking(kErr));
    while (true) {
      if (poll(polled_, kCount, -1) < 0) {
        if (errno == EINTR) continue;
        return ErrnoError("poll the output of a process");
      }
      // Read before the pipes: what comes after cannot have been missed.
      const bool gone = polled_[kProcess].revents != 0;
      RETURN_IF_ERROR(ReadReports());
      RETURN_IF_ERROR(ReadPipe(kOut, Stream::kStdout, gone));
      RETURN_IF_ERROR(ReadPipe(kErr, Stream::kStderr, gone));
      if (gone) return {};
    }
  }

 private:
  enum Source { kOut, kErr, kChannel, kProcess, kCount };

  Status MakeNonBlocking(Source source) {
    const int fd = polled_[source].fd;
    if (fd < 0) return {};
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
      return ErrnoError("fcntl(F_SETFL)");
    }
    return {};
  }

  // One read, so that neither stream starves the other; everything that is
  // there with `drain`.
  Status ReadPipe(Source source, Stream stream, bool drain) {
    pollfd& pipe = polled_[source];
    if (!drain && pipe.revents == 0) return {};
    while (pipe.fd >= 0) {
      const ssize_t n = read(pipe.fd, buffer_.data(), buffer_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return {};
      if (n < 0) return ErrnoError("read the output of a process");
      if (n == 0) {
        pipe.fd = -1;  // poll(2) skips it
        return {};
      }
      if (on_output_) {
        on_output_(stream, {buffer_.data(), static_cast<size_t>(n)});
      }
      if (!drain) return {};
    }
    return {};
  }

  Status ReadReports() {
    pollfd& channel = polled_[kChannel];
    while (channel.fd >= 0) {
      ChildReport report;
      const ssize_t n = recv(channel.fd, &report, sizeof(report), MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return {};
      if (n < 0 && errno != ECONNRESET) {
        return ErrnoError("read the reports of a process");
      }
      if (n != sizeof(report)) {
        channel.fd = -1;
        return {};
      }
      on_report_(report);
    }
    return {};
  }

  const OutputCallback& on_output_;
  const std::function<void(const ChildReport&)>& on_report_;
  std::vector<char> buffer_;
  pollfd polled_[kCount] = {};
};

}  // namespace

Status PumpOutput(const PumpSources& sources, const OutputCallback& on_output,
                  const std::function<void(const ChildReport&)>& on_report) {
  return Pump(sources, on_output, on_report).Run();
}

}  // namespace strake::builder::sandbox
