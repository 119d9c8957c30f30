#include <utility>

#include "builder/solve/solving.h"
#include "util/result_macros.h"

namespace strake::builder::solve {

using cache::CacheRecord;
using plan::Vertex;
using plan::VertexId;
using snapshot::SnapshotId;

Status Solving::Restore(VertexId id, const CacheRecord& record) {
  const Vertex& vertex = graph_.vertex(id);
  auto layer = FindStoredLayer(record.snapshot, LayerUse::kSameFiles);
  if (!layer) return Internal("a cached layer vanished");
  SnapshotId parent;
  if (!vertex.inputs.empty()) {
    ASSIGN_OR_RETURN(parent, Snapshot(vertex.inputs[0]));
  }
  const oci::Descriptor& blob = layer->blob.descriptor;
  if (!services_.blobs.Contains(blob.digest)) {
    RETURN_IF_ERROR(Fetch(vertex, blob));
  }
  Status unpacked = UnpackLayer(layer->blob, parent, record.snapshot);
  if (!unpacked) {
    if (!layer->import.empty()) services_.imported.MarkBroken(unpacked.error());
    return unpacked;
  }
  return Adopt(id, record, *layer);
}

Status Solving::UnpackLayer(const oci::LayerBlob& layer,
                            const SnapshotId& parent, const SnapshotId& name) {
  snapshot::Snapshotter& snapshotter = services_.environment.snapshotter;
  ASSIGN_OR_RETURN(auto active, snapshotter.Prepare(parent));
  {
    ASSIGN_OR_RETURN(snapshot::LayerTarget target, snapshotter.Target(*active));
    ASSIGN_OR_RETURN(
        auto summary,
        oci::ApplyLayerBlob(layer.descriptor, layer.diff_id, services_.blobs,
                            target.directory.get(), target.options));
    (void)summary;
  }
  return snapshotter.Commit(std::move(active), name);
}

Status Solving::Fetch(const Vertex& vertex, const oci::Descriptor& layer) {
  if (services_.blobs.Contains(layer.digest)) {
    return services_.imported.Fetch(layer);
  }
  ProgressStep step(services_.progress,
                    "[internal] cached layer of " + vertex.name);
  auto report = [&](const registry::TransferProgress& transfer) {
    services_.progress.Transfer(
        step.id(), {transfer.digest.ToString(), transfer.current_bytes,
                    transfer.total_bytes, transfer.done});
  };
  return step.EndWith(services_.imported.Fetch(layer, report));
}

}  // namespace strake::builder::solve
