#include "oci/compressor.h"

#include <array>
#include <cstdint>

#include "oci/block_pipeline.h"
#include "oci/gzip.h"
#include "oci/zstd.h"
#include "util/result_macros.h"

namespace strake::oci {
namespace {

class PassingSink final : public ByteSink {
 public:
  explicit PassingSink(ByteSink& out) : out_(out) {}
  Status Write(std::span<const std::byte> data) override {
    return out_.Write(data);
  }

 private:
  ByteSink& out_;
};

class PassingSource final : public ByteSource {
 public:
  explicit PassingSource(ByteSource& in) : in_(in) {}
  Result<size_t> Read(std::span<std::byte> buffer) override {
    return in_.Read(buffer);
  }

 private:
  ByteSource& in_;
};

}  // namespace

Result<std::unique_ptr<ByteSink>> NewCompressor(
    const CompressionOptions& options, ByteSink& out) {
  const int threads = WorkerCount(options.threads);
  switch (options.algorithm) {
    case Compression::kNone:
      if (options.level == -1) break;
      return InvalidArgument("there is no compression level " +
                             std::to_string(options.level) +
                             " for uncompressed layers");
    case Compression::kGzip:
      return NewGzipCompressor(options.level, threads, out);
    case Compression::kZstd:
      return NewZstdCompressor(options.level, threads, out);
  }
  return std::unique_ptr<ByteSink>(std::make_unique<PassingSink>(out));
}

Result<std::unique_ptr<ByteSource>> NewDecompressor(Compression algorithm,
                                                    ByteSource& in) {
  switch (algorithm) {
    case Compression::kNone:
      break;
    case Compression::kGzip:
      return NewGzipDecompressor(in);
    case Compression::kZstd:
      return NewZstdDecompressor(in);
  }
  return std::unique_ptr<ByteSource>(std::make_unique<PassingSource>(in));
}

Compression DetectCompression(std::span<const std::byte> head) {
  auto at = [&](size_t i) {
    return i < head.size() ? static_cast<int>(head[i]) : -1;
  };
  if (at(0) == 0x1f && at(1) == 0x8b && at(2) == 8) return Compression::kGzip;
  bool frame = at(0) == 0x28 && at(1) == 0xb5;
  // Skippable frames: 0x184D2A5?, little-endian.
  bool skippable = (at(0) & 0xf0) == 0x50 && at(1) == 0x2a;
  bool zstd = (frame && at(2) == 0x2f && at(3) == 0xfd) ||
              (skippable && at(2) == 0x4d && at(3) == 0x18);
  return zstd ? Compression::kZstd : Compression::kNone;
}

}  // namespace strake::oci
