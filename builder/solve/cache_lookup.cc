#include <algorithm>
#include <functional>
#include <utility>

#include "builder/ops/image_op.h"
#include "builder/solve/solving.h"
#include "builder/solve/vertex_kind.h"
#include "util/result_macros.h"

namespace strake::builder::solve {

using cache::CacheRecord;
using plan::CopyOp;
using plan::ImageOp;
using plan::Vertex;
using plan::VertexId;
using snapshot::SnapshotId;

std::optional<Solving::StoredLayer> Solving::FindStoredLayer(
    const SnapshotId& state, LayerUse least) const {
  std::vector<StoredLayer> layers;
  for (auto& known : services_.index.FindLayers(state)) {
    const LayerUse use = UseOfLayer(known.form, form_);
    if (use < least) continue;
    layers.push_back({std::move(known.form), std::move(known.blob),
                      std::move(known.import), use});
  }
  std::ranges::stable_sort(layers, std::greater(), &StoredLayer::use);
  for (StoredLayer& layer : layers) {
    const oci::Descriptor& blob = layer.blob.descriptor;
    if (services_.blobs.Contains(blob.digest) ||
        services_.imported.Offers(blob)) {
      return std::move(layer);
    }
  }
  return {};
}

bool Solving::IsUsable(const CacheRecord& record) const {
  return services_.environment.snapshotter.Exists(record.snapshot) ||
         FindStoredLayer(record.snapshot, LayerUse::kSameFiles);
}

std::vector<CacheRecord> Solving::UsableRecords(const oci::Digest& key) const {
  std::vector<CacheRecord> records = services_.index.FindAll(key);
  std::erase_if(
      records, [this](const CacheRecord& record) { return !IsUsable(record); });
  return records;
}

Result<std::optional<CacheRecord>> Solving::Found(VertexId id) {
  using Answer = std::optional<CacheRecord>;
  return states_[id].found.Get([&]() -> Result<Answer> {
    const Vertex& vertex = graph_.vertex(id);
    if (stale_[id]) return Answer();
    ASSIGN_OR_RETURN(bool is_new, IsNew(id));
    if (is_new) return Answer();
    ASSIGN_OR_RETURN(oci::Digest key, Key(id));
    std::vector<CacheRecord> records = UsableRecords(key);
    if (records.empty()) {
      if (!collecting_) WarnOfRefusedLayer(key);
      return Answer();
    }
    ASSIGN_OR_RETURN(Answer parent, FoundParent(vertex));
    if (!parent) return Answer();
    auto fits = [&](const CacheRecord& record) {
      return record.parent == parent->snapshot ||
             record.parent == StateName(vertex, *parent);
    };
    auto record = std::ranges::find_if(records, fits);
    if (record == records.end()) return Answer();
    if (services_.index.Find(key) == *record) {
      RETURN_IF_ERROR(services_.index.Use(key));
    }
    if (IsStep(vertex) && !collecting_) {
      ++cached_;
      services_.progress.Cached(vertex.name);
      if (services_.history != nullptr) services_.history->Note(Facts(id, key));
    }
    return Answer(*record);
  });
}

Result<bool> Solving::IsNew(VertexId id) {
  return states_[id].is_new.Get([&]() -> Result<bool> {
    // What came from elsewhere, or is made at the same time, is known by key.
    if (services_.shared != nullptr || services_.index.HasImported() ||
        collecting_) {
      return false;
    }
    const Vertex& vertex = graph_.vertex(id);
    if (vertex.inputs.empty()) return false;
    ASSIGN_OR_RETURN(bool is_on_new, IsNew(vertex.inputs[0]));
    const auto* copy = std::get_if<CopyOp>(&vertex.op);
    if (copy == nullptr) {
      if (is_on_new || !std::holds_alternative<plan::RunOp>(vertex.op)) {
        return is_on_new;
      }
      for (VertexId mounted : vertex.inputs) {
        ASSIGN_OR_RETURN(bool is_with_new, IsNew(mounted));
        if (is_with_new) return true;
      }
      return false;
    }
    if (is_on_new || CopiesFromInputsOnly(*copy)) return is_on_new;
    ASSIGN_OR_RETURN(oci::Digest base, Key(vertex.inputs[0]));
    return !services_.index.FindAlias(CopiesOnto(base));
  });
}

std::optional<Solving::StoredLayer> Solving::FindRefusedLayer(
    const oci::Digest& key) const {
  for (const CacheRecord& record : services_.index.FindAll(key)) {
    for (auto& known : services_.index.FindLayers(record.snapshot)) {
      if (UseOfLayer(known.form, form_) != LayerUse::kNone) continue;
      return StoredLayer{std::move(known.form), std::move(known.blob),
                         std::move(known.import), LayerUse::kNone};
    }
  }
  return {};
}

void Solving::WarnOfRefusedLayer(const oci::Digest& key) {
  auto layer = FindRefusedLayer(key);
  if (!layer || layer->import.empty()) return;
  const auto [have, want] = FormDifference(layer->form, form_);
  const bool is_new =
      told_.lock()->insert(layer->import + "\n" + layer->form).second;
  if (!is_new) return;
  services_.progress.Warning("steps known to the cache " + layer->import +
                             " are executed again: its layers are packed "
                             "otherwise (" +
                             have + ") than this build wants them (" + want +
                             ")");
}

Status Solving::Adopt(VertexId id, const CacheRecord& record,
                      const StoredLayer& layer) {
  if (!services_.index.HasOwnLayer(record.snapshot, layer.form)) {
    RETURN_IF_ERROR(
        services_.index.RecordLayer(record.snapshot, layer.form, layer.blob));
  }
  ASSIGN_OR_RETURN(oci::Digest key, Key(id));
  if (services_.index.Find(key) == record) return {};
  RETURN_IF_ERROR(services_.index.Record(key, record));
  RETURN_IF_ERROR(services_.index.Use(key));
  if (!states_[id].key_is_remembered) return {};
  const Vertex& vertex = graph_.vertex(id);
  ASSIGN_OR_RETURN(oci::Digest definition,
                   CopyDefinition(vertex, std::get<CopyOp>(vertex.op)));
  auto content = services_.index.FindAlias(definition);
  if (!content) return {};
  return services_.index.RecordAlias(definition, *content);
}

Result<std::optional<CacheRecord>> Solving::FoundParent(const Vertex& vertex) {
  using Answer = std::optional<CacheRecord>;
  if (vertex.inputs.empty()) return Answer(CacheRecord());
  const Vertex& parent = graph_.vertex(vertex.inputs[0]);
  if (std::holds_alternative<plan::ScratchOp>(parent.op)) {
    return Answer(CacheRecord());
  }
  if (const auto* image = std::get_if<ImageOp>(&parent.op)) {
    return Answer(CacheRecord{ops::ImageSnapshotId(*image), "", {}});
  }
  return Found(vertex.inputs[0]);
}

std::string Solving::StateName(const Vertex& vertex,
                               const CacheRecord& parent) {
  if (vertex.inputs.empty()) return parent.snapshot;
  return ChainName(vertex.inputs[0], parent);
}

std::string Solving::ChainName(VertexId id, const CacheRecord& record) {
  const Vertex& vertex = graph_.vertex(id);
  if (std::holds_alternative<ImageOp>(vertex.op) || record.snapshot.empty()) {
    return record.snapshot;
  }
  const auto layers = services_.index.FindLayers(record.snapshot);
  const auto layer = std::ranges::find_if(layers, [this](const auto& known) {
    return UseOfLayer(known.form, form_) >= LayerUse::kSameTar;
  });
  if (layer == layers.end()) return record.snapshot;
  std::string below;
  if (!vertex.inputs.empty()) {
    auto parent = FoundOrExecuted(vertex.inputs[0]);
    if (!parent) return record.snapshot;
    below = ChainName(vertex.inputs[0], *parent);
  }
  // What has no chain ID, an empty root, is the empty one's parent.
  auto parent = oci::Digest::Parse("sha256:" + below);
  return oci::ChainId(parent ? *parent : oci::Digest(), layer->blob.diff_id)
      .Hex();
}

std::optional<CacheRecord> Solving::FoundOrExecuted(VertexId id) {
  const Vertex& vertex = graph_.vertex(id);
  if (std::holds_alternative<plan::ScratchOp>(vertex.op)) {
    return CacheRecord();
  }
  if (const auto* image = std::get_if<ImageOp>(&vertex.op)) {
    return CacheRecord{ops::ImageSnapshotId(*image), "", {}};
  }
  if (collecting_ && states_[id].executed) return states_[id].executed;
  auto found = Found(id);
  return found ? *found : std::nullopt;
}

}  // namespace strake::builder::solve
