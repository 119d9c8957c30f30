#include <algorithm>
#include <chrono>
#include <utility>

#include "builder/cache/cache_key.h"
#include "builder/ops/image_op.h"
#include "builder/progress_reporter.h"
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
  if (!found) {
    // Its layer may be made already, on an outline of the state below.
    ASSIGN_OR_RETURN(std::optional<Outlined> outlined, Outline(id));
    if (!outlined) return Execute(id);
    found = outlined->state;
  }
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
  ProgressPhase phase(services_.progress, "unpack", vertex.name);
  return step.EndWith(ops::UnpackImage(image, oci::LayerContents::kAll, fetch,
                                       services_.blobs, snapshotter,
                                       stop_.get_token()));
}

Result<CacheRecord> Solving::Execute(VertexId id) {
  const Vertex& vertex = graph_.vertex(id);
  Ground ground;
  ASSIGN_OR_RETURN(ground.inputs, Snapshots(vertex.inputs));
  bool on_scratch =
      vertex.inputs.empty() || std::holds_alternative<plan::ScratchOp>(
                                   graph_.vertex(vertex.inputs[0]).op);
  if (!on_scratch) ground.parent = ground.inputs[0];
  return Execute(id, ground);
}

Result<CacheRecord> Solving::Execute(VertexId id, const Ground& ground) {
  const Vertex& vertex = graph_.vertex(id);
  const bool is_needed = services_.shared != nullptr || options_.explain ||
                         states_[id].key.Peek().has_value();
  if (!is_needed && NeedsNoStateForKey(id)) {
    return ExecuteBesideKey(id, ground);
  }
  ASSIGN_OR_RETURN(oci::Digest key, Key(id));
  if (states_[id].key_is_remembered) {
    // The files may have been made anew meanwhile, and differ.
    const auto& copy = std::get<CopyOp>(vertex.op);
    ASSIGN_OR_RETURN(oci::Digest definition, CopyDefinition(vertex, copy));
    ASSIGN_OR_RETURN(oci::Digest base, Key(vertex.inputs[0]));
    ASSIGN_OR_RETURN(oci::Digest digest,
                     DigestAndRemember(id, copy, definition));
    key = CopyKeyOf(copy, base, digest);
  }
  return ExecuteOnce(id, key, ground);
}

// The files of the build context are hashed while the step is carried out.
Result<CacheRecord> Solving::ExecuteBesideKey(VertexId id,
                                              const Ground& ground) {
  auto pending = forks_.Start([this, id] { return Key(id); });
  SlotGuard slot(slots_);
  if (stop_.stop_requested()) return Cancelled("the build was cancelled");
  return CarryReported(id, std::nullopt, ground);
}

Result<CacheRecord> Solving::ExecuteOnce(VertexId id, const oci::Digest& key,
                                         const Ground& ground) {
  const Vertex& vertex = graph_.vertex(id);
  bool executed = false;
  auto carry = [&]() -> Result<CacheRecord> {
    SlotGuard slot(slots_);
    if (stop_.stop_requested()) return Cancelled("the build was cancelled");
    executed = true;
    return CarryReported(id, key, ground);
  };
  if (services_.shared == nullptr) return carry();
  // Only a result on the very state below serves here.
  std::string state = ground.inputs.empty() ? "" : ground.inputs[0];
  if (ground.is_outline) state += " " + form_;
  auto record = services_.shared->Once(key.ToString() + " " + state, carry);
  if (record && !executed && IsStep(vertex)) {
    ++cached_;
    services_.progress.Cached(vertex.name);
  }
  return record;
}

Result<CacheRecord> Solving::CarryReported(
    VertexId id, const std::optional<oci::Digest>& key, const Ground& ground) {
  const Vertex& vertex = graph_.vertex(id);
  auto ask = [&]() -> Result<oci::Digest> { return key ? *key : Key(id); };
  if (!IsStep(vertex)) return Carry(id, ask, ground, 0);
  ProgressStep step(services_.progress, vertex.name);
  auto ask_and_explain = [&]() -> Result<oci::Digest> {
    ASSIGN_OR_RETURN(oci::Digest known, Key(id));
    Explain(id, known, step.id());
    return known;
  };
  if (key) Explain(id, *key, step.id());
  auto record = key ? Carry(id, ask, ground, step.id())
                    : Carry(id, ask_and_explain, ground, step.id());
  record = step.EndWith(std::move(record));
  // One that has to be carried out again, on the state itself, counts then.
  if (!record || !record->snapshot.empty()) ++executed_;
  return record;
}

bool Solving::IsHandedOn(VertexId id) const {
  const bool is_root =
      options_.need_root &&
      std::ranges::any_of(
          graph_.targets,
          [id](const plan::TargetImage& target) { return target.state == id; });
  return !is_root && uses_[id].size() == 1 && uses_[id][0].input == 0;
}

Result<std::vector<SnapshotId>> Solving::Snapshots(
    std::span<const VertexId> vertices) {
  return AskAll<SnapshotId>(vertices,
                            [this](VertexId id) { return Snapshot(id); });
}

Result<CacheRecord> Solving::Carry(VertexId id, const KeyAsker& key,
                                   const Ground& ground, uint64_t step) {
  ASSIGN_OR_RETURN(plan::Op op, Pinned(id));
  ops::ExecuteRequest request{op, ground.inputs, {}, {}, {}, stop_.get_token()};
  request.on_output = [&](sandbox::Stream stream, std::string_view text) {
    services_.progress.Log(step, static_cast<int>(stream), text);
  };
  request.on_warning = [&](std::string_view text) {
    services_.progress.Warning(text);
  };
  ops::BorrowedContent borrowed;
  // Others may have to write the layer of a shared result once more.
  if (ground.is_outline && services_.shared == nullptr) {
    request.borrowed = &borrowed;
  }
  const std::string& name = graph_.vertex(id).name;
  ASSIGN_OR_RETURN(auto active, [&] {
    ProgressPhase phase(services_.progress, "execute", name);
    return ops::ExecuteOp(request, services_.environment);
  }());
  // Never a name used before: a step that is executed anew must not find its
  // old result under its name.
  CacheRecord record;
  record.snapshot = RandomName("");
  record.parent = ground.parent;
  record.created = std::chrono::system_clock::now();
  if (ground.is_outline) {
    ASSIGN_OR_RETURN(record, KeepOutline(id, key, ground, std::move(active),
                                         borrowed, record));
    if (record.snapshot.empty()) return record;
  } else {
    ProgressPhase phase(services_.progress, "commit", name);
    if (IsHandedOn(id)) active->SetHandedOn();
    RETURN_IF_ERROR(services_.environment.snapshotter.Commit(std::move(active),
                                                             record.snapshot));
    ASSIGN_OR_RETURN(oci::Digest known, key());
    RETURN_IF_ERROR(services_.index.Record(known, record));
  }
  states_[id].executed = record;
  return record;
}

}  // namespace strake::builder::solve
