#include "oci/copy_blob.h"

#include <unistd.h>

#include <memory>

#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::oci {
namespace {

// Blobs never change: two stores may share a file.
bool Link(const Digest& digest, const BlobStore& from, const BlobStore& to) {
  return ::link(from.PathOf(digest).c_str(), to.PathOf(digest).c_str()) == 0;
}

}  // namespace

Status CopyBlob(const Descriptor& blob, const BlobStore& from,
                const BlobStore& to, BlobCopy how) {
  if (to.Contains(blob.digest)) return {};
  if (how == BlobCopy::kLink && Link(blob.digest, from, to)) return {};
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, from.Open(blob));
  ASSIGN_OR_RETURN(std::unique_ptr<BlobWriter> writer, to.Create());
  RETURN_IF_ERROR(CopyAll(*source, *writer));
  RETURN_IF_ERROR(writer->Commit(blob.digest, blob.size_bytes));
  return {};
}

}  // namespace strake::oci
