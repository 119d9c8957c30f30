#include <utility>

#include "builder/snapshot/layer_changes.h"
#include "builder/solve/solving.h"
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
    auto known = services_.index.FindLayer(found->snapshot, form_);
    const bool is_here =
        known && services_.blobs.Contains(known->descriptor.digest);
    const bool is_verified =
        is_here && services_.index.HasOwnLayer(found->snapshot, form_);
    if (is_here || (known && services_.imported.Offers(known->descriptor))) {
      // One that only goes from registry to registry is not looked at.
      if (!is_verified && (is_here || options_.need_blobs)) {
        RETURN_IF_ERROR(Fetch(graph_.vertex(id), known->descriptor));
        RETURN_IF_ERROR(Adopt(id, *found, *known));
      }
      return SolvedLayer{*std::move(known), found->created};
    }
  }
  ASSIGN_OR_RETURN(std::optional<Outlined> outlined, Outline(id));
  if (outlined) return SolvedLayer{outlined->layer, outlined->state.created};
  ASSIGN_OR_RETURN(CacheRecord state, State(id));
  SlotGuard slot(slots_);
  if (stop_.stop_requested()) return Cancelled("the build was cancelled");
  ASSIGN_OR_RETURN(snapshot::SnapshotDiff diff,
                   services_.environment.snapshotter.Diff(state.snapshot));
  ASSIGN_OR_RETURN(oci::LayerBlob blob,
                   WriteLayer(id, state.snapshot, std::move(diff)));
  RETURN_IF_ERROR(services_.index.RecordLayer(state.snapshot, form_, blob));
  return SolvedLayer{std::move(blob), state.created};
}

Result<oci::LayerBlob> Solving::WriteLayer(VertexId id,
                                           const snapshot::SnapshotId& snapshot,
                                           snapshot::SnapshotDiff diff) {
  ASSIGN_OR_RETURN(OwnershipJournal owners,
                   services_.environment.snapshotter.Journal(snapshot));
  RETURN_IF_ERROR(snapshot::AddLeadingDirectories(owners, diff));
  oci::LayerWriteOptions layers = options_.layers;
  layers.windows = MakesWindowsLayer(graph_.vertex(id).op);
  return oci::WriteLayerBlob(diff.changes, diff.root.get(),
                             options_.compression, layers, services_.blobs);
}

}  // namespace strake::builder::solve
