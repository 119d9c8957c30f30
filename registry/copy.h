// From registry to registry. Nothing lands on disk.

#ifndef STRAKE_REGISTRY_COPY_H_
#define STRAKE_REGISTRY_COPY_H_

#include <stop_token>

#include "oci/descriptor.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "registry/transfer_progress.h"
#include "util/result.h"

namespace strake::registry {

struct CopyOptions {
  unsigned jobs = 4;  // blobs at once
  ProgressCallback progress = {};
  std::stop_token stop = {};
};

// Makes `blob` of repository `from` available in repository `to`: not at all
// where it is there, else mounted where both are on one registry, else streamed
// from one to the other.
Status CopyBlob(const Client& client, const oci::Reference& from,
                const oci::Reference& to, const oci::Descriptor& blob,
                const CopyOptions& options = {});

// The same for a manifest or an index and all that it reaches, children before
// parents; it is stored by digest, without a tag. What is there already is not
// looked into.
Status CopyImage(const Client& client, const oci::Reference& from,
                 const oci::Reference& to, const oci::Descriptor& root,
                 const CopyOptions& options = {});

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_COPY_H_
