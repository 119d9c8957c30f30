// Compressing and decompressing sinks for layers: gzip (RFC 1952) and zstd
// (RFC 8878).
//
// Compressed output depends on the input, the algorithm and the level only:
// never on the number of threads, on timing, or on how the input was cut into
// writes. (Another version of the libraries, or for gzip another CPU
// architecture, may compress differently.) Not thread-safe, though a compressor
// may use threads of its own.

#ifndef STRAKE_OCI_COMPRESSOR_H_
#define STRAKE_OCI_COMPRESSOR_H_

#include <memory>
#include <span>
#include <string_view>

#include "oci/media_type.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::oci {

// One thread for each processor that this process may use.
inline constexpr int kThreadPerProcessor = -1;

struct CompressionOptions {
  Compression algorithm = Compression::kGzip;
  // The algorithm's own scale (gzip 1-9, zstd 1-22); -1: strake's default.
  int level = -1;
  // Worker threads beside the caller, which start with the second block; 0:
  // compress on the calling thread (zstd uses one worker nevertheless, and the
  // caller waits for it).
  int threads = kThreadPerProcessor;
};

// A sink that compresses into `out` (borrowed). `Finish` writes the trailer;
// `out` is left unfinished. `kInvalidArgument` for a level out of range.
Result<std::unique_ptr<ByteSink>> NewCompressor(
    const CompressionOptions& options, ByteSink& out);

// A source of the decompressed bytes of `in` (borrowed). Concatenated gzip
// members and zstd frames are one stream. Trailing garbage, a bad checksum or a
// truncated stream is `kCorrupt`.
Result<std::unique_ptr<ByteSource>> NewDecompressor(Compression algorithm,
                                                    ByteSource& in);

// What `head`, the first bytes of a stream (6 are enough), says it is. Anything
// but gzip's and zstd's magic numbers (skippable zstd frames included) is
// `kNone`.
Compression DetectCompression(std::span<const std::byte> head);

}  // namespace strake::oci

#endif  // STRAKE_OCI_COMPRESSOR_H_
