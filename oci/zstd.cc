// zstd's own multi-threaded mode cuts the input into jobs whose size depends on
// the level only, so its output is the same for any number of workers, but it
// is not that of the single-threaded mode. Therefore at least one worker is
// used always; the calling thread then waits for it where it was told to
// compress by itself.

#include "oci/zstd.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <vector>

#include "util/c_handle.h"
#include "util/result_macros.h"

namespace strake::oci {
namespace {

using ZstdCCtx = std::unique_ptr<ZSTD_CCtx, FreeWith<ZSTD_freeCCtx>>;
using ZstdDCtx = std::unique_ptr<ZSTD_DCtx, FreeWith<ZSTD_freeDCtx>>;

constexpr int kDefaultLevel = 3;  // zstd's own
constexpr int kMaxLevel = 22;

class ZstdSink final : public ByteSink {
 public:
  ZstdSink(ZstdCCtx context, ByteSink& out)
      : context_(std::move(context)),
        out_(out),
        buffer_(ZSTD_CStreamOutSize()) {}

  Status Write(std::span<const std::byte> data) override {
    // What is written in one call must not matter: an empty first call would
    // start the frame, and zstd looks at how much it is given then.
    if (data.empty()) return {};
    ZSTD_inBuffer input{data.data(), data.size(), 0};
    while (input.pos < input.size) {
      ASSIGN_OR_RETURN(size_t rest, Step(input, ZSTD_e_continue));
      static_cast<void>(rest);
    }
    return {};
  }

  Status Finish() override {
    ZSTD_inBuffer nothing{nullptr, 0, 0};
    size_t rest = 1;
    while (rest > 0) {
      ASSIGN_OR_RETURN(rest, Step(nothing, ZSTD_e_end));
    }
    return {};
  }

 private:
  Result<size_t> Step(ZSTD_inBuffer& input, ZSTD_EndDirective mode) {
    ZSTD_outBuffer output{buffer_.data(), buffer_.size(), 0};
    size_t rest = ZSTD_compressStream2(context_.get(), &output, &input, mode);
    if (ZSTD_isError(rest)) {
      return Internal("zstd failed to compress: " +
                      std::string(ZSTD_getErrorName(rest)));
    }
    if (output.pos > 0) {
      RETURN_IF_ERROR(out_.Write(std::span(buffer_).first(output.pos)));
    }
    return rest;
  }

  ZstdCCtx context_;
  ByteSink& out_;
  std::vector<std::byte> buffer_;
};

class ZstdSource final : public ByteSource {
 public:
  ZstdSource(ZstdDCtx context, ByteSource& in)
      : context_(std::move(context)), in_(in), buffer_(kStreamBufferBytes) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    if (buffer.empty()) return size_t{0};
    ZSTD_outBuffer output{buffer.data(), buffer.size(), 0};
    while (output.pos == 0) {
      if (input_.pos == input_.size && !output_pending_) {
        ASSIGN_OR_RETURN(size_t size, in_.Read(buffer_));
        if (size == 0) return AtEnd();
        input_ = {buffer_.data(), size, 0};
      }
      size_t rest = ZSTD_decompressStream(context_.get(), &output, &input_);
      if (ZSTD_isError(rest)) return Failure(rest);
      anything_ = true;
      in_frame_ = rest != 0;
      // A full output buffer may hide more that needs no further input.
      output_pending_ = output.pos == output.size && in_frame_;
    }
    return output.pos;
  }

 private:
  Result<size_t> AtEnd() const {
    if (!anything_) return Corrupt("zstd stream: it is empty");
    if (in_frame_) return Corrupt("zstd stream: it ends in the middle");
    return size_t{0};
  }

  static Error Failure(size_t result) {
    std::string name = ZSTD_getErrorName(result);
    switch (ZSTD_getErrorCode(result)) {
      case ZSTD_error_prefix_unknown:
        return Corrupt("zstd stream: this is no zstd frame");
      case ZSTD_error_frameParameter_windowTooLarge:
        return Unsupported(
            "zstd stream: it needs a window of more than 128 MiB to be "
            "decompressed");
      case ZSTD_error_memory_allocation:
        return IoError("zstd stream: out of memory");
      default:
        return Corrupt("zstd stream: " + name);
    }
  }

  ZstdDCtx context_;
  ByteSource& in_;
  std::vector<std::byte> buffer_;
  ZSTD_inBuffer input_{nullptr, 0, 0};
  bool anything_ = false;
  bool in_frame_ = false;
  bool output_pending_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSink>> NewZstdCompressor(int level, int threads,
                                                    ByteSink& out) {
  if (level == -1) level = kDefaultLevel;
  if (level < 1 || level > kMaxLevel) {
    return InvalidArgument("zstd has no compression level " +
                           std::to_string(level) + ": use 1 to 22");
  }
  ZstdCCtx context(ZSTD_createCCtx());
  if (!context) return IoError("zstd: out of memory");
  auto set = [&](ZSTD_cParameter parameter, int value) {
    return !ZSTD_isError(
        ZSTD_CCtx_setParameter(context.get(), parameter, value));
  };
  if (!set(ZSTD_c_compressionLevel, level) || !set(ZSTD_c_checksumFlag, 1)) {
    return Internal("zstd refuses level " + std::to_string(level));
  }
  if (!set(ZSTD_c_nbWorkers, std::max(threads, 1))) {
    return Unsupported("this zstd library was built without threads");
  }
  return std::unique_ptr<ByteSink>(
      std::make_unique<ZstdSink>(std::move(context), out));
}

Result<std::unique_ptr<ByteSource>> NewZstdDecompressor(ByteSource& in) {
  ZstdDCtx context(ZSTD_createDCtx());
  if (!context) return IoError("zstd: out of memory");
  return std::unique_ptr<ByteSource>(
      std::make_unique<ZstdSource>(std::move(context), in));
}

}  // namespace strake::oci
