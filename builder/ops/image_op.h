// Unpacks a base image into snapshots, one a layer, named by their chain IDs:
// images that share lower layers share their snapshots.

#ifndef STRAKE_BUILDER_OPS_IMAGE_OP_H_
#define STRAKE_BUILDER_OPS_IMAGE_OP_H_

#include <functional>
#include <stop_token>

#include "builder/plan/op.h"
#include "builder/snapshot/snapshotter.h"
#include "oci/blob_store.h"
#include "util/result.h"

namespace strake::builder::ops {

// The snapshot that unpacking `op` gives, whether it exists or not.
snapshot::SnapshotId ImageSnapshotId(const plan::ImageOp& op);

// Makes sure that blobs of layers are in the store.
using LayerFetcher =
    std::function<Status(const std::vector<oci::Descriptor>& layers)>;

// Unpacks what is not unpacked yet; fetches only the layers that needs.
// `kCorrupt` where a layer is not what its digest or diff ID promises.
Result<snapshot::SnapshotId> UnpackImage(const plan::ImageOp& op,
                                         const LayerFetcher& fetch,
                                         const oci::BlobStore& blobs,
                                         snapshot::Snapshotter& snapshotter,
                                         std::stop_token stop);

}  // namespace strake::builder::ops

#endif  // STRAKE_BUILDER_OPS_IMAGE_OP_H_
