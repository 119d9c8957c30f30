#include "util/byte_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "util/result_macros.h"

namespace strake {

Result<size_t> MemorySource::Read(std::span<std::byte> buffer) {
  size_t count = std::min(buffer.size(), rest_.size());
  if (count > 0) std::memcpy(buffer.data(), rest_.data(), count);
  rest_.remove_prefix(count);
  return count;
}

Status MemorySink::Write(std::span<const std::byte> data) {
  bytes_.append(reinterpret_cast<const char*>(data.data()), data.size());
  return {};
}

Result<size_t> FdSource::Read(std::span<std::byte> buffer) {
  ssize_t count;
  do {
    count = ::read(fd_, buffer.data(), buffer.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) return ErrnoError("read");
  return static_cast<size_t>(count);
}

Status FdSink::Write(std::span<const std::byte> data) {
  return WriteFully(fd_, data);
}

Status TeeSink::Write(std::span<const std::byte> data) {
  RETURN_IF_ERROR(first_.Write(data));
  return second_.Write(data);
}

Status CountingSink::Write(std::span<const std::byte> data) {
  RETURN_IF_ERROR(next_.Write(data));
  bytes_written_ += data.size();
  return {};
}

Result<uint64_t> CopyAll(ByteSource& source, ByteSink& sink,
                         const std::function<void(uint64_t)>& on_bytes) {
  std::vector<std::byte> buffer(kStreamBufferBytes);
  uint64_t total = 0;
  while (true) {
    ASSIGN_OR_RETURN(size_t count, source.Read(buffer));
    if (count == 0) return total;
    RETURN_IF_ERROR(sink.Write(std::span(buffer).first(count)));
    total += count;
    if (on_bytes) on_bytes(count);
  }
}

Result<std::string> ReadAll(ByteSource& source, uint64_t limit_bytes) {
  std::string all;
  std::vector<std::byte> buffer(size_t{64} << 10);
  while (true) {
    ASSIGN_OR_RETURN(size_t count, source.Read(buffer));
    if (count == 0) return all;
    if (all.size() + count > limit_bytes) {
      return InvalidArgument("larger than the limit of " +
                             std::to_string(limit_bytes) + " bytes");
    }
    all.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
}

Result<std::string> ReadFile(const std::string& path, uint64_t limit_bytes) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path.c_str(), O_RDONLY));
  FdSource source(std::move(fd));
  auto text = ReadAll(source, limit_bytes);
  if (!text) return std::move(text).error().Wrap(path);
  return text;
}

Status WriteFully(int fd, std::span<const std::byte> data) {
  while (!data.empty()) {
    ssize_t count = ::write(fd, data.data(), data.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return ErrnoError("write");
    }
    data = data.subspan(static_cast<size_t>(count));
  }
  return {};
}

}  // namespace strake
