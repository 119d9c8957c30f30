#include "builder/ops/image_op.h"

#include <optional>
#include <utility>

#include "oci/layer_blob.h"
#include "util/result_macros.h"

namespace strake::builder::ops {
namespace {

// Of an image without layers: no diff ID gives this chain ID.
constexpr std::string_view kEmptyImage = "00000000";

std::vector<oci::Digest> ChainIds(const plan::ImageOp& op) {
  std::vector<oci::Digest> chain;
  oci::Digest last;
  for (const oci::Digest& diff_id : op.diff_ids) {
    last = oci::ChainId(last, diff_id);
    chain.push_back(last);
  }
  return chain;
}

Status UnpackLayer(const oci::Descriptor& layer, const oci::Digest& diff_id,
                   const std::optional<snapshot::SnapshotId>& parent,
                   const snapshot::SnapshotId& id, const oci::BlobStore& blobs,
                   snapshot::Snapshotter& snapshotter) {
  ASSIGN_OR_RETURN(auto active, snapshotter.Prepare(parent));
  {
    ASSIGN_OR_RETURN(snapshot::LayerTarget target, snapshotter.Target(*active));
    ASSIGN_OR_RETURN(auto summary, oci::ApplyLayerBlob(layer, diff_id, blobs,
                                                       target.directory.get(),
                                                       target.options));
    (void)summary;
  }
  return snapshotter.Commit(std::move(active), id);
}

}  // namespace

snapshot::SnapshotId ImageSnapshotId(const plan::ImageOp& op) {
  std::vector<oci::Digest> chain = ChainIds(op);
  return chain.empty() ? std::string(kEmptyImage) : chain.back().Hex();
}

Result<snapshot::SnapshotId> UnpackImage(const plan::ImageOp& op,
                                         const LayerFetcher& fetch,
                                         const oci::BlobStore& blobs,
                                         snapshot::Snapshotter& snapshotter,
                                         std::stop_token stop) {
  snapshot::SnapshotId result = ImageSnapshotId(op);
  if (snapshotter.Exists(result)) return result;
  if (op.layers.size() != op.diff_ids.size()) {
    return Corrupt("image " + op.reference.ToString() + " has " +
                   std::to_string(op.layers.size()) + " layers, but " +
                   std::to_string(op.diff_ids.size()) + " diff IDs");
  }
  std::vector<oci::Digest> chain = ChainIds(op);
  if (chain.empty()) {
    ASSIGN_OR_RETURN(auto active, snapshotter.Prepare({}));
    RETURN_IF_ERROR(snapshotter.Commit(std::move(active), result));
    return result;
  }
  size_t first = chain.size();
  while (first > 0 && !snapshotter.Exists(chain[first - 1].Hex())) --first;
  RETURN_IF_ERROR(fetch(
      {op.layers.begin() + static_cast<ptrdiff_t>(first), op.layers.end()}));
  for (size_t i = first; i < chain.size(); ++i) {
    if (stop.stop_requested()) return Cancelled("unpacking was cancelled");
    std::optional<snapshot::SnapshotId> parent;
    if (i > 0) parent = chain[i - 1].Hex();
    auto unpacked = UnpackLayer(op.layers[i], op.diff_ids[i], parent,
                                chain[i].Hex(), blobs, snapshotter);
    if (!unpacked) {
      return std::move(unpacked).error().Wrap("unpack layer " +
                                              op.layers[i].digest.ToString() +
                                              " of " + op.reference.ToString());
    }
  }
  return result;
}

}  // namespace strake::builder::ops
