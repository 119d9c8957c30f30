// gzip (RFC 1952), as compressor.h offers it. For the `.cc` files of this room.

#ifndef STRAKE_OCI_GZIP_H_
#define STRAKE_OCI_GZIP_H_

#include <memory>

#include "oci/block_pipeline.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::oci {

// `level` is 1-9, or -1 for the default.
Result<std::unique_ptr<ByteSink>> NewGzipCompressor(int level, int threads,
                                                    ByteSink& out);
// Makes one gzip member of every block. `level` as above, but the default is
// one that compresses well.
Result<std::unique_ptr<BlockCompressor>> NewGzipMemberCompressor(int level);
std::unique_ptr<ByteSource> NewGzipDecompressor(ByteSource& in);

}  // namespace strake::oci

#endif  // STRAKE_OCI_GZIP_H_
