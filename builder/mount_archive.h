// The folder of a cache mount as blobs that travel: a tar, cut where its
// content says and compressed piece by piece, so that a later one shares all
// pieces but those that changed.

#ifndef STRAKE_BUILDER_MOUNT_ARCHIVE_H_
#define STRAKE_BUILDER_MOUNT_ARCHIVE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "builder/cache/portable_cache.h"
#include "oci/blob_store.h"
#include "oci/layer_applier.h"
#include "util/ownership_journal.h"
#include "util/result.h"

namespace strake::builder {

// Packs what is in `folder` into `blobs`.
//   owners      those that the disk does not hold, by path in the folder
//   most_bytes  of the tar; more is `kUnsupported`
// `kIo` also where a file changes meanwhile: somebody is using the mount.
Result<cache::PortableMount> PackMount(const std::string& folder,
                                       const OwnershipJournal& owners,
                                       uint64_t most_bytes,
                                       const oci::BlobStore& blobs);

// Unpacks `mount`, whose pieces `fetch` brings into `blobs`, into the empty
// directory `folder` (a descriptor, borrowed). On failure what was written is
// the caller's to remove.
Status UnpackMount(const cache::PortableMount& mount, int folder,
                   const oci::LayerApplyOptions& options,
                   const oci::BlobStore& blobs,
                   const std::function<Status(const oci::Descriptor&)>& fetch);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_MOUNT_ARCHIVE_H_
