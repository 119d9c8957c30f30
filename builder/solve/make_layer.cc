#include <utility>

#include "builder/progress_reporter.h"
#include "builder/snapshot/layer_changes.h"
#include "builder/solve/solving.h"
#include "oci/convert_layer.h"
#include "util/result_macros.h"

namespace strake::builder::solve {

using cache::CacheRecord;
using plan::CopyOp;
using plan::VertexId;

namespace {

// Copies and new directories alone make layers for Windows.
bool MakesWindowsLayer(const plan::Op& op) {
  if (const auto* copy = std::get_if<CopyOp>(&op)) return copy->windows;
  const auto* directory = std::get_if<plan::MakeDirOp>(&op);
  return directory != nullptr && directory->windows;
}

}  // namespace

Result<SolvedLayer> Solving::Layer(VertexId id) {
  return states_[id].layer.Get([&]() -> Result<SolvedLayer> {
    auto layer = MakeLayer(id);
    if (!layer) return Fail(id, std::move(layer).error());
    return layer;
  });
}

Result<SolvedLayer> Solving::MakeLayer(VertexId id) {
  ASSIGN_OR_RETURN(std::optional<CacheRecord> found, Found(id));
  if (found) {
    ASSIGN_OR_RETURN(std::optional<oci::LayerBlob> reused,
                     ReuseLayer(id, *found));
    if (reused) return SolvedLayer{*std::move(reused), found->created};
  } else {
    ASSIGN_OR_RETURN(std::optional<Outlined> outlined, Outline(id));
    if (outlined) return SolvedLayer{outlined->layer, outlined->state.created};
  }
  ASSIGN_OR_RETURN(CacheRecord state, State(id));
  SlotGuard slot(slots_);
  if (stop_.stop_requested()) return Cancelled("the build was cancelled");
  ASSIGN_OR_RETURN(snapshot::SnapshotDiff diff, [&] {
    ProgressPhase phase(services_.progress, "diff", graph_.vertex(id).name);
    return services_.environment.snapshotter.Diff(state.snapshot);
  }());
  ASSIGN_OR_RETURN(oci::LayerBlob blob,
                   WriteLayer(id, state.snapshot, std::move(diff)));
  RETURN_IF_ERROR(services_.index.RecordLayer(state.snapshot, form_, blob));
  return SolvedLayer{std::move(blob), state.created};
}

Result<oci::LayerBlob> Solving::WriteLayer(VertexId id,
                                           const snapshot::SnapshotId& snapshot,
                                           snapshot::SnapshotDiff diff,
                                           ops::BorrowedContent* borrowed) {
  ProgressPhase phase(services_.progress, "layer", graph_.vertex(id).name);
  ASSIGN_OR_RETURN(OwnershipJournal owners,
                   services_.environment.snapshotter.Journal(snapshot));
  RETURN_IF_ERROR(snapshot::AddLeadingDirectories(owners, diff));
  oci::LayerWriteOptions layers = options_.layers;
  layers.windows = MakesWindowsLayer(graph_.vertex(id).op);
  std::unique_ptr<oci::BlobObserver> observer;
  if (options_.observe_layer && is_of_target_[id]) {
    observer = options_.observe_layer();
  }
  if (borrowed != nullptr) {
    layers.open_content = [borrowed](const std::string& path) {
      return borrowed->Open(path);
    };
  }
  ASSIGN_OR_RETURN(
      oci::LayerBlob blob,
      oci::WriteLayerBlob(diff.changes, diff.root.get(), options_.compression,
                          layers, services_.blobs, observer.get()));
  if (borrowed != nullptr) RETURN_IF_ERROR(borrowed->CheckAllOpened());
  return blob;
}

Result<std::optional<oci::LayerBlob>> Solving::ReuseLayer(
    VertexId id, const CacheRecord& record) {
  using Answer = std::optional<oci::LayerBlob>;
  auto stored = FindStoredLayer(record.snapshot, LayerUse::kSameTar);
  if (!stored) return Answer();
  const oci::Descriptor& blob = stored->blob.descriptor;
  const bool is_here = services_.blobs.Contains(blob.digest);
  if (stored->use == LayerUse::kSameTar) {
    // A state that is here is packed without fetching anything.
    if (!is_here && services_.environment.snapshotter.Exists(record.snapshot)) {
      return Answer();
    }
    ASSIGN_OR_RETURN(oci::LayerBlob layer, Recompress(id, record, *stored));
    return Answer(std::move(layer));
  }
  const bool is_verified = is_here && stored->import.empty();
  // One that only goes from registry to registry is not looked at.
  if (!is_verified && (is_here || options_.need_blobs)) {
    RETURN_IF_ERROR(Fetch(graph_.vertex(id), blob));
    RETURN_IF_ERROR(Adopt(id, record, *stored));
  }
  return Answer(std::move(stored->blob));
}

Result<oci::LayerBlob> Solving::Recompress(VertexId id,
                                           const CacheRecord& record,
                                           const StoredLayer& stored) {
  if (!stored.import.empty()) {
    RETURN_IF_ERROR(Fetch(graph_.vertex(id), stored.blob.descriptor));
    RETURN_IF_ERROR(Adopt(id, record, stored));
  }
  SlotGuard slot(slots_);
  if (stop_.stop_requested()) return Cancelled("the build was cancelled");
  auto layer = oci::ConvertLayer(
      stored.blob.descriptor, {options_.compression, false}, services_.blobs);
  if (layer && layer->diff_id != stored.blob.diff_id) {
    layer = Corrupt("the diff ID of layer " +
                    stored.blob.descriptor.digest.ToString() + " should be " +
                    stored.blob.diff_id.ToString() + ", but is " +
                    layer->diff_id.ToString());
  }
  if (!layer) return BlameLayer(id, stored, std::move(layer).error());
  RETURN_IF_ERROR(services_.index.RecordLayer(record.snapshot, form_, *layer));
  return layer;
}

}  // namespace strake::builder::solve
