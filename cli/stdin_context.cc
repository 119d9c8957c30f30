// Standard input is mostly a pipe: what was read to look at it cannot be put
// back. A thread passes it and all that follows on through a second pipe,
// rather than everything going to a file first: a context can be large.

#include "cli/stdin_context.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

using namespace std::string_view_literals;

// A tar shows at byte 257; its first block is whole with 512.
constexpr size_t kHeadBytes = 512;
constexpr uint64_t kMaxDockerfileBytes = uint64_t{16} << 20;

Result<std::string> ReadHead(ByteSource& source) {
  std::string head(kHeadBytes, '\0');
  size_t filled = 0;
  while (filled < head.size()) {
    auto rest = std::as_writable_bytes(std::span(head).subspan(filled));
    ASSIGN_OR_RETURN(size_t count, source.Read(rest));
    if (count == 0) break;
    filled += count;
  }
  head.resize(filled);
  return head;
}

// Two blocks of zeros: a tar with nothing in it.
Result<UniqueFd> EmptyTar() {
  UniqueFd fd(memfd_create("empty.tar", MFD_CLOEXEC));
  if (!fd) return ErrnoError("memfd_create");
  std::array<std::byte, 1024> zeros{};
  RETURN_IF_ERROR(WriteFully(fd.get(), zeros));
  if (lseek(fd.get(), 0, SEEK_SET) < 0) return ErrnoError("lseek");
  return fd;
}

// Waits until `fd` is ready for `events`; false once `stop` has been closed at
// its other end.
bool WaitUntilReady(int fd, short events, int stop) {
  std::array<pollfd, 2> polled = {pollfd{fd, events, 0},
                                  pollfd{stop, POLLIN, 0}};
  while (true) {
    if (poll(polled.data(), polled.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    if (polled[1].revents != 0) return false;
    if (polled[0].revents != 0) return true;
  }
}

bool PumpBytes(std::string_view bytes, int output, int stop) {
  while (!bytes.empty()) {
    if (!WaitUntilReady(output, POLLOUT, stop)) return false;
    ssize_t count = write(output, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return false;  // EPIPE: whoever read the tar has seen enough
    }
    bytes.remove_prefix(count);
  }
  return true;
}

void Pump(std::string head, int input, UniqueFd output, UniqueFd stop) {
  if (!PumpBytes(head, output.get(), stop.get())) return;
  std::string buffer(kStreamBufferBytes, '\0');
  while (WaitUntilReady(input, POLLIN, stop.get())) {
    ssize_t count = read(input, buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return;
    std::string_view bytes(buffer.data(), count);
    if (!PumpBytes(bytes, output.get(), stop.get())) return;
  }
}

}  // namespace

bool LooksLikeArchive(std::string_view head) {
  for (std::string_view magic : {"\x1f\x8b"sv, "BZh"sv,
                                 "\xfd"
                                 "7zXZ\0"sv,
                                 "\x28\xb5\x2f\xfd"sv}) {
    if (head.starts_with(magic)) return true;
  }
  if (head.size() < kHeadBytes) return false;
  if (head.substr(257).starts_with("ustar")) return true;
  // An empty tar, and nothing that a Dockerfile could begin with.
  return head.find_first_not_of('\0') == std::string_view::npos;
}

Result<std::unique_ptr<StdinContext>> StdinContext::Open(int input) {
  std::unique_ptr<StdinContext> context(new StdinContext());
  FdSource source(input);
  auto head = ReadHead(source);
  if (!head) return std::move(head).error().Wrap("standard input");
  if (head->empty()) {
    return InvalidArgument(
        "standard input is empty: expected a tar or a Dockerfile there");
  }
  if (!LooksLikeArchive(*head)) {
    auto rest = ReadAll(source, kMaxDockerfileBytes);
    if (!rest) {
      return std::move(rest).error().Wrap("Dockerfile on standard input");
    }
    context->dockerfile_ = *head + *rest;
    ASSIGN_OR_RETURN(context->tar_, EmptyTar());
    return context;
  }
  int data[2];
  int stop[2];
  if (pipe2(data, O_CLOEXEC) != 0) return ErrnoError("pipe");
  context->tar_.reset(data[0]);
  UniqueFd write_end(data[1]);
  // Writes must not block, or the pump could not be told to stop.
  fcntl(write_end.get(), F_SETFL, O_NONBLOCK);
  if (pipe2(stop, O_CLOEXEC) != 0) return ErrnoError("pipe");
  UniqueFd stopped(stop[0]);
  context->stop_.reset(stop[1]);
  context->pump_ = std::thread(Pump, std::move(*head), input,
                               std::move(write_end), std::move(stopped));
  return context;
}

StdinContext::~StdinContext() {
  stop_.reset();
  if (pump_.joinable()) pump_.join();
}

}  // namespace strake::cli
