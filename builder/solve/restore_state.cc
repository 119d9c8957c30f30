#include <utility>

#include "builder/ops/image_op.h"
#include "builder/progress_reporter.h"
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
  return FetchAndUnpack(id, record, *layer, parent, oci::LayerContents::kAll,
                        record.snapshot);
}

Status Solving::FetchAndUnpack(VertexId id, const CacheRecord& record,
                               const StoredLayer& layer,
                               const SnapshotId& parent,
                               oci::LayerContents contents,
                               const SnapshotId& name) {
  const oci::Descriptor& blob = layer.blob.descriptor;
  if (!services_.blobs.Contains(blob.digest)) {
    RETURN_IF_ERROR(Fetch(graph_.vertex(id), blob));
  }
  ProgressPhase phase(services_.progress, "unpack", graph_.vertex(id).name);
  // Copies onto an outline read the one below as well.
  const bool is_handed_on =
      contents == oci::LayerContents::kAll && IsHandedOn(id);
  Status unpacked = ops::UnpackLayer(
      blob, layer.blob.diff_id, {name, parent, contents, is_handed_on},
      services_.blobs, services_.environment.snapshotter);
  if (!unpacked) return BlameLayer(id, layer, std::move(unpacked).error());
  return Adopt(id, record, layer);
}

Error Solving::BlameLayer(VertexId id, const StoredLayer& layer, Error reason) {
  if (reason.code() == ErrorCode::kCancelled) return reason;
  if (!layer.import.empty()) {
    services_.imported.MarkBroken(reason);
    return reason;
  }
  const oci::Descriptor& blob = layer.blob.descriptor;
  // A full disk, for one, is no fault of the layer.
  auto diff_id = oci::ComputeDiffId(blob, services_.blobs);
  if (diff_id && *diff_id == layer.blob.diff_id) return reason;
  auto key = Key(id);
  if (key && services_.on_damaged) {
    services_.on_damaged({*key, graph_.vertex(id).name, blob.digest, reason});
  }
  return reason;
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
