// The layer pipeline: changes -> tar -> diff ID -> compression -> digest ->
// blob store, in one pass, without a temporary file of the uncompressed tar and
// without holding the layer in memory.

#ifndef STRAKE_OCI_LAYER_BLOB_H_
#define STRAKE_OCI_LAYER_BLOB_H_

#include <functional>
#include <span>

#include "oci/blob_observer.h"
#include "oci/blob_store.h"
#include "oci/change.h"
#include "oci/compressor.h"
#include "oci/descriptor.h"
#include "oci/layer_applier.h"
#include "oci/layer_writer.h"
#include "util/result.h"

namespace strake::oci {

// A layer as an image needs it.
struct LayerBlob {
  Descriptor descriptor;  // OCI media type
  Digest diff_id;         // of the uncompressed tar
  uint64_t uncompressed_bytes = 0;
  friend bool operator==(const LayerBlob&, const LayerBlob&) = default;
};

// Writes `changes` of `root` (as `WriteLayer` takes them) into `store`.
//   observer  borrowed; may be null
Result<LayerBlob> WriteLayerBlob(std::span<const Change> changes, int root,
                                 const CompressionOptions& compression,
                                 const LayerWriteOptions& options,
                                 const BlobStore& store,
                                 BlobObserver* observer = nullptr);

// Unpacks `layer` from `store` into `root`, checking its digest and, where
// `diff_id` is not empty, its diff ID; `kCorrupt` where one differs.
Result<LayerApplySummary> ApplyLayerBlob(const Descriptor& layer,
                                         const Digest& diff_id,
                                         const BlobStore& store, int root,
                                         const LayerApplyOptions& options);

// The diff ID of `layer` in `store`, of which every byte is read. Errors as
// above.
Result<Digest> ComputeDiffId(const Descriptor& layer, const BlobStore& store);

}  // namespace strake::oci

#endif  // STRAKE_OCI_LAYER_BLOB_H_
