#include <chrono>
#include <utility>

#include "builder/cache/cache_key.h"
#include "builder/ops/image_op.h"
#include "builder/solve/solving.h"
#include "builder/solve/vertex_kind.h"
#include "util/atomic_file.h"
#include "util/result_macros.h"

namespace strake::builder::solve {

using cache::CacheRecord;
using plan::CopyOp;
using plan::ImageOp;
using plan::Vertex;
using plan::VertexId;
using snapshot::SnapshotId;

Result<SnapshotId> Solving::Snapshot(VertexId id) {
  ASSIGN_OR_RETURN(CacheRecord record, State(id));
  return record.snapshot;
}

Result<CacheRecord> Solving::State(VertexId id) {
  return states_[id].snapshot.Get([&]() -> Result<CacheRecord> {
    auto state = MakeState(id);
    if (!state) return Fail(id, std::move(state).error());
    return state;
  });
}

Result<CacheRecord> Solving::MakeState(VertexId id) {
  const Vertex& vertex = graph_.vertex(id);
  if (const auto* image = std::get_if<ImageOp>(&vertex.op)) {
    ASSIGN_OR_RETURN(SnapshotId snapshot, Unpack(vertex, *image));
    return CacheRecord{std::move(snapshot), "", {}};
  }
  ASSIGN_OR_RETURN(std::optional<CacheRecord> found, Found(id));
  if (!found) return Execute(id);
  if (!services_.environment.snapshotter.Exists(found->snapshot)) {
    RETURN_IF_ERROR(Restore(id, *found));
  }
  return *std::move(found);
}

Result<SnapshotId> Solving::Unpack(const Vertex& vertex, const ImageOp& image) {
  snapshot::Snapshotter& snapshotter = services_.environment.snapshotter;
  if (SnapshotId id = ops::ImageSnapshotId(image); snapshotter.Exists(id)) {
    services_.progress.Cached(vertex.name);
    return id;
  }
  ProgressStep step(services_.progress, vertex.name);
  auto fetch = [&](const std::vector<oci::Descriptor>& layers) {
    return services_.fetch_layers(image, layers, step.id());
  };
  return step.EndWith(ops::UnpackImage(image, fetch, services_.blobs,
                                       snapshotter, stop_.get_token()));
}

Result<CacheRecord> Solving::Execute(VertexId id) {
  const Vertex& vertex = graph_.vertex(id);
  ASSIGN_OR_RETURN(oci::Digest key, Key(id));
  ASSIGN_OR_RETURN(std::vector<SnapshotId> inputs, Snapshots(vertex.inputs));
  if (states_[id].key_is_remembered) {
    // The files may have been made anew meanwhile, and differ.
    const auto& copy = std::get<CopyOp>(vertex.op);
    ASSIGN_OR_RETURN(oci::Digest definition, CopyDefinition(vertex, copy));
    ASSIGN_OR_RETURN(oci::Digest base, Key(vertex.inputs[0]));
    ASSIGN_OR_RETURN(oci::Digest digest,
                     DigestAndRemember(id, copy, definition));
    key = cache::ContentKey(copy, base, digest);
  }
  bool executed = false;
  auto carry = [&]() -> Result<CacheRecord> {
    SlotGuard slot(slots_);
    if (stop_.stop_requested()) return Cancelled("the build was cancelled");
    executed = true;
    if (!IsStep(vertex)) return Carry(id, key, inputs, 0);
    ProgressStep step(services_.progress, vertex.name);
    ++executed_;
    Explain(id, key, step.id());
    return step.EndWith(Carry(id, key, inputs, step.id()));
  };
  if (services_.shared == nullptr) return carry();
  // Only a result on the very state below serves here.
  std::string state = inputs.empty() ? "" : inputs[0];
  auto record = services_.shared->Once(key.ToString() + " " + state, carry);
  if (record && !executed && IsStep(vertex)) {
    ++cached_;
    services_.progress.Cached(vertex.name);
  }
  return record;
}

Result<std::vector<SnapshotId>> Solving::Snapshots(
    std::span<const VertexId> vertices) {
  return AskAll<SnapshotId>(vertices,
                            [this](VertexId id) { return Snapshot(id); });
}

Result<CacheRecord> Solving::Carry(VertexId id, const oci::Digest& key,
                                   std::vector<SnapshotId> inputs,
                                   uint64_t step) {
  const Vertex& vertex = graph_.vertex(id);
  ASSIGN_OR_RETURN(plan::Op op, Pinned(id));
  bool on_scratch =
      vertex.inputs.empty() || std::holds_alternative<plan::ScratchOp>(
                                   graph_.vertex(vertex.inputs[0]).op);
  CacheRecord record;
  record.parent = on_scratch ? "" : inputs[0];
  ops::ExecuteRequest request{op, std::move(inputs), {}, {},
                              {}, stop_.get_token()};
  request.on_output = [&](sandbox::Stream stream, std::string_view text) {
    services_.progress.Log(step, static_cast<int>(stream), text);
  };
  request.on_warning = [&](std::string_view text) {
    services_.progress.Warning(text);
  };
  ASSIGN_OR_RETURN(auto active, ops::ExecuteOp(request, services_.environment));
  // Never a name used before: a step that is executed anew must not find its
  // old result under its name.
  record.snapshot = RandomName("");
  record.created = std::chrono::system_clock::now();
  RETURN_IF_ERROR(services_.environment.snapshotter.Commit(std::move(active),
                                                           record.snapshot));
  RETURN_IF_ERROR(services_.index.Record(key, record));
  states_[id].executed = record;
  return record;
}

}  // namespace strake::builder::solve
