// Unpacks a base image into snapshots, one a layer, named by their chain IDs:
// images that share lower layers share their snapshots.

#ifndef STRAKE_BUILDER_OPS_IMAGE_OP_H_
#define STRAKE_BUILDER_OPS_IMAGE_OP_H_

#include <functional>
#include <optional>
#include <stop_token>

#include "builder/plan/op.h"
#include "builder/snapshot/snapshotter.h"
#include "oci/blob_store.h"
#include "util/result.h"

namespace strake::builder::ops {

// The snapshot that unpacking `op` gives, whether it exists or not.
snapshot::SnapshotId ImageSnapshotId(const plan::ImageOp& op);

// A state's outline has all its files with their metadata, but the content of
// hardly any (`oci::LayerContents::kOutline`): all that a copy onto it has to
// know. Never take it for the state itself.
snapshot::SnapshotId OutlineId(const snapshot::SnapshotId& state);
// Whether `id` is the name of an outline of a state that is known by its chain
// ID: of a base, or of a step whose layer came from elsewhere.
bool IsBaseOutline(const snapshot::SnapshotId& id);

// Makes sure that blobs of layers are in the store.
using LayerFetcher =
    std::function<Status(const std::vector<oci::Descriptor>& layers)>;

// Unpacks what is not unpacked yet; fetches only the layers that needs.
// `kCorrupt` where a layer is not what its digest or diff ID promises.
//   contents  all: the state; an outline: that, on top of states that are
//             there, where there are
Result<snapshot::SnapshotId> UnpackImage(const plan::ImageOp& op,
                                         oci::LayerContents contents,
                                         const LayerFetcher& fetch,
                                         const oci::BlobStore& blobs,
                                         snapshot::Snapshotter& snapshotter,
                                         std::stop_token stop);

// What a layer is unpacked to.
struct UnpackedState {
  snapshot::SnapshotId id;                     // its name
  std::optional<snapshot::SnapshotId> parent;  // none: an empty root
  oci::LayerContents contents = oci::LayerContents::kAll;
  bool is_handed_on = false;  // `ActiveSnapshot::SetHandedOn`
};

// Unpacks one layer. `kCorrupt` where it is not what its digest or diff ID
// promises.
Status UnpackLayer(const oci::Descriptor& layer, const oci::Digest& diff_id,
                   const UnpackedState& state, const oci::BlobStore& blobs,
                   snapshot::Snapshotter& snapshotter);

}  // namespace strake::builder::ops

#endif  // STRAKE_BUILDER_OPS_IMAGE_OP_H_
