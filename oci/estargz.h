// eStargz layers (stargz-snapshotter's docs/estargz.md): gzip files that can be
// read in parts. Every file's content begins a gzip member of its own, large
// files one every 4 MiB, and a table of contents at the end says where.
//
// To whoever knows nothing of it, it is a gzip layer with one more file,
// `stargz.index.json`. Stateless; safe to call from any thread.

#ifndef STRAKE_OCI_ESTARGZ_H_
#define STRAKE_OCI_ESTARGZ_H_

#include <cstdint>
#include <string_view>

#include "oci/digest.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::oci {

// Annotations of such a layer's descriptor: the digest of the table of
// contents, without which nobody reads it in parts, and the size of the tar.
inline constexpr std::string_view kEstargzTocDigest =
    "containerd.io/snapshot/stargz/toc.digest";
inline constexpr std::string_view kEstargzUncompressedSize =
    "io.containers.estargz.uncompressed-size";

struct EstargzSummary {
  Digest toc_digest;
  Digest diff_id;  // of the tar with its table of contents
  uint64_t uncompressed_bytes = 0;
};

// Writes the entries of the uncompressed `tar` to `out`, which is left
// unfinished. A table of contents that `tar` has already is left out.
//   level    of gzip, 1-9; -1: strake's default
//   threads  that compress, as `CompressionOptions::threads`
// Equal tars give equal bytes for every number of threads. Errors: kCorrupt (no
// tar), those of both ends.
Result<EstargzSummary> WriteEstargz(ByteSource& tar, int level, int threads,
                                    ByteSink& out);

}  // namespace strake::oci

#endif  // STRAKE_OCI_ESTARGZ_H_
