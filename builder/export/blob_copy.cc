#include "builder/export/blob_copy.h"

#include <unistd.h>

#include <memory>
#include <string>

#include "util/result_macros.h"

namespace strake::builder::exporter {

Status CopyBlob(const oci::Descriptor& blob, const oci::BlobStore& from,
                const oci::BlobStore& to) {
  if (to.Contains(blob.digest)) return {};
  // Blobs never change.
  std::string target = to.PathOf(blob.digest);
  if (::link(from.PathOf(blob.digest).c_str(), target.c_str()) == 0) return {};
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, from.Open(blob));
  ASSIGN_OR_RETURN(std::unique_ptr<oci::BlobWriter> writer, to.Create());
  RETURN_IF_ERROR(CopyAll(*source, *writer));
  ASSIGN_OR_RETURN(oci::BlobInfo info,
                   writer->Commit(blob.digest, blob.size_bytes));
  (void)info;
  return {};
}

}  // namespace strake::builder::exporter
