// Tar archives, plain or compressed, into a directory: what ADD does with a
// local archive, and how a context comes from a stream.
//
// Unlike a layer (oci/layer_applier.h), `.wh.` names are plain files here.

#ifndef STRAKE_BUILDER_CONTEXT_UNPACK_ARCHIVE_H_
#define STRAKE_BUILDER_CONTEXT_UNPACK_ARCHIVE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string_view>

#include "builder/context/tree_writer.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::builder::context {

// How many bytes `LooksLikeArchive` wants to see.
inline constexpr size_t kArchiveProbeBytes = 1024;

// Whether `head`, the first bytes of a file (all of a shorter one), may be the
// start of a gzip, bzip2, xz or zstd stream, or of a tar. Cheap; says nothing
// about what is inside a compressed stream.
bool LooksLikeArchive(std::string_view head);

// Whether the stream is a (compressed) tar: its first header can be read. Reads
// only as far as that takes.
bool IsArchive(ByteSource& stream);

struct UnpackOptions {
  // Given to every entry; nothing: the archive's owners.
  std::optional<FileOwner> owner;
  std::function<void(uint64_t)> on_bytes;  // of content, as written
  std::stop_token stop;
};

struct UnpackSummary {
  uint64_t entries = 0;
  uint64_t content_bytes = 0;
};

// Unpacks `stream` below `base`, a directory of `writer`'s tree: no entry,
// "..", absolute name or symlink leads out of `base`, which is their "/".
// Existing files are replaced; a directory over a directory takes the entry's
// metadata, but `base` itself keeps its own. Parents that the archive lacks are
// 0755 and owned by 0:0. Directory times are set last. Errors: kCorrupt (no
// tar, truncated, a hard link to nothing), kUnsupported (an entry of unknown
// type), kIo, kCancelled.
Result<UnpackSummary> UnpackArchive(ByteSource& stream, TreeWriter& writer,
                                    std::string_view base,
                                    const UnpackOptions& options);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_UNPACK_ARCHIVE_H_
