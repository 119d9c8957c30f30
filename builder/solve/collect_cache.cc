#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "builder/solve/solving.h"
#include "builder/solve/vertex_kind.h"
#include "util/result_macros.h"

namespace strake::builder::solve {

using cache::CacheRecord;
using plan::CopyOp;
using plan::ImageOp;
using plan::Vertex;
using plan::VertexId;

Result<cache::PortableCache> Solving::CollectCache(
    std::span<const plan::TargetImage> targets, bool all) {
  cache::PortableCache portable;
  for (VertexId id : StepsToCollect(targets, all)) {
    if (stop_.stop_requested()) return Cancelled("the build was cancelled");
    RETURN_IF_ERROR(CollectStep(id, portable));
  }
  return portable;
}

std::set<VertexId> Solving::StepsToCollect(
    std::span<const plan::TargetImage> targets, bool all) const {
  std::set<VertexId> steps;
  std::vector<VertexId> pending;
  for (const plan::TargetImage& target : targets) {
    pending.insert(pending.end(), target.layers.begin(), target.layers.end());
    pending.push_back(target.state);
  }
  while (!pending.empty()) {
    VertexId id = pending.back();
    pending.pop_back();
    if (!steps.insert(id).second) continue;
    // A copy's and a mount's sources are other stages' steps; what a merge
    // puts together are the target's own.
    const Vertex& vertex = graph_.vertex(id);
    const bool follow = all || std::holds_alternative<plan::MergeOp>(vertex.op);
    const size_t count = follow ? vertex.inputs.size()
                                : std::min<size_t>(1, vertex.inputs.size());
    for (size_t i = 0; i < count; ++i) pending.push_back(vertex.inputs[i]);
  }
  return steps;
}

Status Solving::CollectStep(VertexId id, cache::PortableCache& portable) {
  const Vertex& vertex = graph_.vertex(id);
  if (std::holds_alternative<plan::ScratchOp>(vertex.op) ||
      std::holds_alternative<ImageOp>(vertex.op)) {
    return {};
  }
  std::optional<CacheRecord> record = FoundOrExecuted(id);
  if (!record) return {};
  ASSIGN_OR_RETURN(SolvedLayer layer, Layer(id));
  ASSIGN_OR_RETURN(oci::Digest key, Key(id));
  CacheRecord named = *record;
  named.snapshot = ChainName(id, *record);
  named.parent.clear();
  if (!vertex.inputs.empty()) {
    auto parent = FoundOrExecuted(vertex.inputs[0]);
    if (!parent) return {};
    named.parent = ChainName(vertex.inputs[0], *parent);
  }
  portable.layers[{named.snapshot, form_}] = layer.blob;
  portable.records[key] = std::move(named);
  const auto* copy = std::get_if<CopyOp>(&vertex.op);
  if (copy == nullptr || !CopiesFromInputsOnly(*copy)) return {};
  ASSIGN_OR_RETURN(oci::Digest definition, CopyDefinition(vertex, *copy));
  if (auto content = services_.index.FindAlias(definition)) {
    portable.aliases[definition] = *content;
  }
  return {};
}

}  // namespace strake::builder::solve
