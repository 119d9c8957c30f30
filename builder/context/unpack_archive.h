// Tar archives, plain or compressed, into a directory: what ADD does with a
// local archive, and how a context comes from a stream.
//
// Unlike a layer (oci/layer_applier.h), `.wh.` names are plain files here.

#ifndef STRAKE_BUILDER_CONTEXT_UNPACK_ARCHIVE_H_
#define STRAKE_BUILDER_CONTEXT_UNPACK_ARCHIVE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "builder/context/tree_writer.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::builder::context {

// A source whose first bytes can be looked at before it is read.
class PeekSource final : public ByteSource {
 public:
  // `source` is borrowed.
  explicit PeekSource(ByteSource& source) : source_(source) {}

  // The first `bytes` bytes, fewer where there are no more. Call before `Read`.
  Result<std::string_view> Peek(size_t bytes);
  Result<size_t> Read(std::span<std::byte> buffer) override;

 private:
  ByteSource& source_;
  std::string head_;
  size_t read_ = 0;  // of `head_`
};

// How much of a file `LooksLikeArchive` looks at.
inline constexpr size_t kArchiveProbeBytes = 512;

// Whether `head`, the first bytes of a file (all of a shorter one), is the
// start of a gzip, bzip2, xz or zstd stream, or a tar header. Cheap; says
// nothing of what is inside a compressed stream.
bool LooksLikeArchive(std::string_view head);

// Whether `stream` is a tar, compressed at most once: its first header can be
// read. Reads only as far as that takes. An archive without entries is none.
bool IsArchive(ByteSource& stream);

struct UnpackOptions {
  // Given to every entry; nothing: the archive's owners.
  std::optional<FileOwner> owner;
  std::function<void(uint64_t)> on_bytes;  // of content, as it is written
  std::stop_token stop;                    // honoured between entries
};

struct UnpackSummary {
  uint64_t entries = 0;
  uint64_t content_bytes = 0;
};

// Unpacks `stream` below `base`, a directory of `writer`'s tree (its path is
// free of symlinks). `base` is "/" to all names in the archive: neither "..",
// nor an absolute name, nor a symlink leads out of it. Existing files are
// replaced; a directory over a directory takes the entry's metadata, but `base`
// itself keeps its own. Parents that the archive lacks are 0755 and belong to
// 0:0. Directory times are set last.
// Errors: kCorrupt (no tar, truncated, a hard link to nothing), kIo,
// kCancelled, and those of `stream`.
Result<UnpackSummary> UnpackArchive(ByteSource& stream, TreeWriter& writer,
                                    std::string_view base,
                                    const UnpackOptions& options);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_UNPACK_ARCHIVE_H_
