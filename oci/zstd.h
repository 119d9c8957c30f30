// zstd (RFC 8878), as compressor.h offers it. For the `.cc` files of this room.

#ifndef STRAKE_OCI_ZSTD_H_
#define STRAKE_OCI_ZSTD_H_

#include <memory>

#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::oci {

// `level` is 1-22, or -1 for the default.
Result<std::unique_ptr<ByteSink>> NewZstdCompressor(int level, int threads,
                                                    ByteSink& out);
Result<std::unique_ptr<ByteSource>> NewZstdDecompressor(ByteSource& in);

}  // namespace strake::oci

#endif  // STRAKE_OCI_ZSTD_H_
