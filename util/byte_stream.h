// Streams of bytes: sources that are read to their end, sinks that are written
// and then finished. Layers, blobs and HTTP bodies all travel through these, a
// buffer at a time, so that no layer is ever held in memory.
//
// Not thread-safe: one stream belongs to one thread at a time.

#ifndef STRAKE_UTIL_BYTE_STREAM_H_
#define STRAKE_UTIL_BYTE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake {

// The buffer that copies use; large enough that system calls do not show.
inline constexpr size_t kStreamBufferBytes = size_t{256} << 10;

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Reads up to `buffer.size()` bytes into `buffer` and returns how many; 0
  // only at the end (or for an empty buffer). Short reads are allowed.
  virtual Result<size_t> Read(std::span<std::byte> buffer) = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;

  // Takes all of `data` or fails.
  virtual Status Write(std::span<const std::byte> data) = 0;

  // Ends the stream: flushes what is buffered and reports what a destructor
  // could not. No `Write` may follow. A sink that passes bytes on does not
  // finish the sink it passes them to, unless its own comment says so.
  virtual Status Finish() { return {}; }

  Status Write(std::string_view text) {
    return Write(std::as_bytes(std::span(text.data(), text.size())));
  }
};

// Reads from `bytes`, which must outlive the source.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : rest_(bytes) {}
  Result<size_t> Read(std::span<std::byte> buffer) override;

 private:
  std::string_view rest_;
};

// Collects what is written.
class MemorySink final : public ByteSink {
 public:
  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override;
  const std::string& bytes() const { return bytes_; }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads from / writes to a descriptor at its file position. The borrowed forms
// leave the descriptor open; the owning forms close it.
class FdSource final : public ByteSource {
 public:
  explicit FdSource(int borrowed) : fd_(borrowed) {}
  explicit FdSource(UniqueFd owned)
      : owned_(std::move(owned)), fd_(owned_.get()) {}
  Result<size_t> Read(std::span<std::byte> buffer) override;

 private:
  UniqueFd owned_;
  int fd_;
};

class FdSink final : public ByteSink {
 public:
  explicit FdSink(int borrowed) : fd_(borrowed) {}
  explicit FdSink(UniqueFd owned)
      : owned_(std::move(owned)), fd_(owned_.get()) {}
  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override;

 private:
  UniqueFd owned_;
  int fd_;
};

// Swallows everything; for measuring and for draining.
class NullSink final : public ByteSink {
 public:
  using ByteSink::Write;
  Status Write(std::span<const std::byte>) override { return {}; }
};

// Writes to `first`, then to `second`; both borrowed, neither is finished.
class TeeSink final : public ByteSink {
 public:
  TeeSink(ByteSink& first, ByteSink& second) : first_(first), second_(second) {}
  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override;

 private:
  ByteSink& first_;
  ByteSink& second_;
};

// Counts what passes through to `next` (borrowed, not finished).
class CountingSink final : public ByteSink {
 public:
  explicit CountingSink(ByteSink& next) : next_(next) {}
  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override;
  uint64_t bytes_written() const { return bytes_written_; }

 private:
  ByteSink& next_;
  uint64_t bytes_written_ = 0;
};

// Copies `source` to its end into `sink`, which is left unfinished. Returns
// the number of bytes. `on_bytes`, if given, is called with each increment.
Result<uint64_t> CopyAll(ByteSource& source, ByteSink& sink,
                         const std::function<void(uint64_t)>& on_bytes = {});

// Reads `source` to its end. Fails with `kInvalidArgument` beyond
// `limit_bytes`: whatever is read whole must be bounded.
Result<std::string> ReadAll(ByteSource& source, uint64_t limit_bytes);

// The whole file at `path`, at most `limit_bytes`.
Result<std::string> ReadFile(const std::string& path,
                             uint64_t limit_bytes = uint64_t{64} << 20);

// read(2)/write(2) of all of `data`, through EINTR and short counts.
Status WriteFully(int fd, std::span<const std::byte> data);

}  // namespace strake

#endif  // STRAKE_UTIL_BYTE_STREAM_H_
