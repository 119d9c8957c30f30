#include "builder/ops/image_op.h"

#include <optional>
#include <utility>

#include "oci/layer_blob.h"
#include "util/result_macros.h"

namespace strake::builder::ops {
namespace {

using oci::LayerContents;
using snapshot::SnapshotId;

// Of an image without layers: no diff ID gives this chain ID.
constexpr std::string_view kEmptyImage = "00000000";

constexpr size_t kChainDigits = 64;
constexpr size_t kBaseOutlineDigits = 62;
constexpr size_t kStepOutlineDigits = 60;

std::vector<SnapshotId> ChainIds(const plan::ImageOp& op) {
  std::vector<SnapshotId> chain;
  oci::Digest last;
  for (const oci::Digest& diff_id : op.diff_ids) {
    last = oci::ChainId(last, diff_id);
    chain.push_back(last.Hex());
  }
  return chain;
}

// Unpacks an image in one form.
class Unpacker {
 public:
  Unpacker(const plan::ImageOp& op, LayerContents contents,
           const oci::BlobStore& blobs, snapshot::Snapshotter& snapshotter)
      : op_(op),
        contents_(contents),
        blobs_(blobs),
        snapshotter_(snapshotter),
        chain_(ChainIds(op)) {}

  Result<SnapshotId> Run(const LayerFetcher& fetch, std::stop_token stop) {
    if (auto there = Find(chain_.size())) return *there;
    if (op_.layers.size() != op_.diff_ids.size()) {
      return Corrupt("image " + op_.reference.ToString() + " has " +
                     std::to_string(op_.layers.size()) + " layers, but " +
                     std::to_string(op_.diff_ids.size()) + " diff IDs");
    }
    if (chain_.empty()) return MakeEmpty();
    size_t first = chain_.size();
    std::optional<SnapshotId> parent;
    while (first > 0 && !(parent = Find(first))) --first;
    RETURN_IF_ERROR(fetch({op_.layers.begin() + static_cast<ptrdiff_t>(first),
                           op_.layers.end()}));
    for (size_t i = first; i < chain_.size(); ++i) {
      if (stop.stop_requested()) return Cancelled("unpacking was cancelled");
      const SnapshotId id = NameOf(chain_[i]);
      auto unpacked =
          UnpackLayer(op_.layers[i], op_.diff_ids[i], {id, parent, contents_},
                      blobs_, snapshotter_);
      if (!unpacked) {
        return std::move(unpacked).error().Wrap(
            "unpack layer " + op_.layers[i].digest.ToString() + " of " +
            op_.reference.ToString());
      }
      parent = id;
    }
    return *parent;
  }

 private:
  SnapshotId NameOf(const SnapshotId& state) const {
    return contents_ == LayerContents::kAll ? state : OutlineId(state);
  }

  // What is there of the state of the lowest `count` layers.
  std::optional<SnapshotId> Find(size_t count) const {
    const SnapshotId state =
        count == 0 ? std::string(kEmptyImage) : chain_[count - 1];
    if (count == 0 && !chain_.empty()) return {};
    if (snapshotter_.Exists(state)) return state;
    if (snapshotter_.Exists(NameOf(state))) return NameOf(state);
    return {};
  }

  Result<SnapshotId> MakeEmpty() {
    ASSIGN_OR_RETURN(auto active, snapshotter_.Prepare({}));
    RETURN_IF_ERROR(
        snapshotter_.Commit(std::move(active), std::string(kEmptyImage)));
    return std::string(kEmptyImage);
  }

  const plan::ImageOp& op_;
  const LayerContents contents_;
  const oci::BlobStore& blobs_;
  snapshot::Snapshotter& snapshotter_;
  const std::vector<SnapshotId> chain_;
};

}  // namespace

SnapshotId ImageSnapshotId(const plan::ImageOp& op) {
  const std::vector<SnapshotId> chain = ChainIds(op);
  return chain.empty() ? std::string(kEmptyImage) : chain.back();
}

// The names tell by their length what they name: states by chain ID have 64
// digits, a store's own states fewer than their outlines.
SnapshotId OutlineId(const SnapshotId& state) {
  const bool is_chain = state.size() == kChainDigits;
  return oci::Digest::Of("outline of " + state)
      .Hex()
      .substr(0, is_chain ? kBaseOutlineDigits : kStepOutlineDigits);
}

bool IsBaseOutline(const SnapshotId& id) {
  return id.size() == kBaseOutlineDigits;
}

Result<SnapshotId> UnpackImage(const plan::ImageOp& op, LayerContents contents,
                               const LayerFetcher& fetch,
                               const oci::BlobStore& blobs,
                               snapshot::Snapshotter& snapshotter,
                               std::stop_token stop) {
  return Unpacker(op, contents, blobs, snapshotter).Run(fetch, std::move(stop));
}

Status UnpackLayer(const oci::Descriptor& layer, const oci::Digest& diff_id,
                   const UnpackedState& state, const oci::BlobStore& blobs,
                   snapshot::Snapshotter& snapshotter) {
  ASSIGN_OR_RETURN(auto active, snapshotter.Prepare(state.parent));
  {
    ASSIGN_OR_RETURN(snapshot::LayerTarget target, snapshotter.Target(*active));
    target.options.contents = state.contents;
    ASSIGN_OR_RETURN(auto summary, oci::ApplyLayerBlob(layer, diff_id, blobs,
                                                       target.directory.get(),
                                                       target.options));
    (void)summary;
  }
  if (state.is_handed_on) active->SetHandedOn();
  return snapshotter.Commit(std::move(active), state.id);
}

}  // namespace strake::builder::ops
