#include <algorithm>
#include <memory>
#include <utility>

#include "builder/cache/cache_key.h"
#include "builder/cache/content_digest.h"
#include "builder/ops/fetch_op.h"
#include "builder/progress_reporter.h"
#include "builder/solve/solving.h"
#include "builder/solve/vertex_kind.h"
#include "util/result_macros.h"

namespace strake::builder::solve {

using plan::CopyOp;
using plan::Vertex;
using plan::VertexId;
using snapshot::SnapshotId;

Result<oci::Digest> Solving::Key(VertexId id) {
  return states_[id].key.Get([&]() -> Result<oci::Digest> {
    auto key = ComputeKey(id);
    if (!key) return Fail(id, std::move(key).error());
    return key;
  });
}

Result<oci::Digest> Solving::ComputeKey(VertexId id) {
  const Vertex& vertex = graph_.vertex(id);
  if (const auto* copy = std::get_if<CopyOp>(&vertex.op)) {
    return CopyKey(id, *copy);
  }
  ASSIGN_OR_RETURN(std::vector<oci::Digest> inputs, Keys(vertex.inputs));
  ASSIGN_OR_RETURN(plan::Op pinned, Pinned(id));
  const oci::Digest key = cache::DefinitionKey(pinned, inputs);
  return std::holds_alternative<plan::MakeDirOp>(pinned) ? Dated(key) : key;
}

oci::Digest Solving::CopyKeyOf(const CopyOp& copy, const oci::Digest& base,
                               const oci::Digest& content) const {
  return Dated(cache::ContentKey(copy, base, content));
}

oci::Digest Solving::CopiesOnto(const oci::Digest& base) {
  return oci::Digest::Of("copies onto " + base.ToString());
}

bool Solving::NeedsNoStateForKey(VertexId id) {
  const Vertex& vertex = graph_.vertex(id);
  const auto* copy = std::get_if<CopyOp>(&vertex.op);
  if (copy != nullptr && !Sources(vertex).empty()) return false;
  return std::ranges::all_of(
      vertex.inputs, [this](VertexId id) { return NeedsNoStateForKey(id); });
}

oci::Digest Solving::Dated(const oci::Digest& key) const {
  const auto& epoch = services_.environment.epoch;
  if (!epoch) return key;
  return oci::Digest::Of(key.ToString() + " at " +
                         std::to_string(epoch->count()));
}

Result<oci::Digest> Solving::CopyKey(VertexId id, const CopyOp& copy) {
  const Vertex& vertex = graph_.vertex(id);
  auto pending = forks_.Start([&] { return FindContent(id, copy); });
  auto base = Key(vertex.inputs[0]);
  auto content = pending.get();
  if (!base) return base;
  if (!content) return std::move(content).error();
  if (!CopiesFromInputsOnly(copy)) {
    RETURN_IF_ERROR(services_.index.RecordAlias(CopiesOnto(*base), *base));
  }
  oci::Digest key = CopyKeyOf(copy, *base, content->digest);
  if (!content->remembered) return key;
  if (!UsableRecords(key).empty()) {
    RETURN_IF_ERROR(ReportSkipped(vertex));
    states_[id].key_is_remembered = true;
    return key;
  }
  // The copy has to be carried out, with the files that there are now.
  ASSIGN_OR_RETURN(oci::Digest digest,
                   DigestAndRemember(id, copy, content->definition));
  return CopyKeyOf(copy, *base, digest);
}

Result<Solving::Content> Solving::FindContent(VertexId id, const CopyOp& copy) {
  const Vertex& vertex = graph_.vertex(id);
  if (!CopiesFromInputsOnly(copy)) {
    ASSIGN_OR_RETURN(oci::Digest digest, DigestSources(id, copy));
    return Content{digest, false, {}};
  }
  ASSIGN_OR_RETURN(oci::Digest definition, CopyDefinition(vertex, copy));
  // A stale source has to be executed before its files are looked at.
  const bool is_stale = std::ranges::any_of(
      Sources(vertex), [this](VertexId id) { return stale_[id]; });
  if (!is_stale) {
    if (auto known = services_.index.FindAlias(definition)) {
      return Content{*known, true, definition};
    }
  }
  ASSIGN_OR_RETURN(oci::Digest digest, DigestAndRemember(id, copy, definition));
  return Content{digest, false, definition};
}

Result<oci::Digest> Solving::CopyDefinition(const Vertex& vertex,
                                            const CopyOp& copy) {
  ASSIGN_OR_RETURN(std::vector<oci::Digest> inputs, Keys(Sources(vertex)));
  inputs.insert(inputs.begin(), oci::Digest());
  return cache::DefinitionKey(copy, inputs);
}

Result<oci::Digest> Solving::DigestAndRemember(VertexId id, const CopyOp& copy,
                                               const oci::Digest& definition) {
  ASSIGN_OR_RETURN(oci::Digest digest, DigestSources(id, copy));
  RETURN_IF_ERROR(services_.index.RecordAlias(definition, digest));
  return digest;
}

Status Solving::ReportSkipped(const Vertex& vertex) {
  for (VertexId input : vertex.inputs) {
    if (!IsStep(graph_.vertex(input))) continue;
    RETURN_IF_ERROR(Found(input));
  }
  return {};
}

Result<plan::Op> Solving::Pinned(VertexId id) {
  return states_[id].pinned.Get([&]() -> Result<plan::Op> {
    const Vertex& vertex = graph_.vertex(id);
    const auto* fetch = std::get_if<plan::FetchOp>(&vertex.op);
    const auto* git = std::get_if<plan::GitOp>(&vertex.op);
    if (fetch == nullptr && git == nullptr) return vertex.op;
    ProgressStep step(services_.progress, vertex.name);
    if (git != nullptr) {
      ASSIGN_OR_RETURN(plan::GitOp pinned,
                       step.EndWith(ops::PinGit(*git, services_.environment,
                                                stop_.get_token())));
      return plan::Op(std::move(pinned));
    }
    auto report = [&](uint64_t current, uint64_t total) {
      services_.progress.Transfer(
          step.id(), {fetch->filename, current, total, current == total});
    };
    ASSIGN_OR_RETURN(plan::FetchOp pinned,
                     step.EndWith(ops::PinFetch(*fetch, services_.environment,
                                                report, stop_.get_token())));
    return plan::Op(std::move(pinned));
  });
}

Result<oci::Digest> Solving::DigestSources(VertexId id, const CopyOp& copy) {
  const Vertex& vertex = graph_.vertex(id);
  ASSIGN_OR_RETURN(std::vector<SnapshotId> inputs, Snapshots(Sources(vertex)));
  inputs.insert(inputs.begin(), SnapshotId());
  std::vector<std::unique_ptr<ops::OpenSource>> opened;
  ASSIGN_OR_RETURN(
      context::CopyInputs trees,
      ops::OpenCopyInputs(copy, inputs, services_.environment.contexts,
                          services_.environment.snapshotter, opened));
  ProgressPhase phase(services_.progress, "digest", vertex.name);
  cache::ContentDigestOptions digest;
  digest.stat_cache = &services_.stat_cache;
  digest.stop = stop_.get_token();
  cache::FileList files;
  if (services_.history != nullptr) digest.files = &files;
  ASSIGN_OR_RETURN(states_[id].content,
                   cache::DigestCopySources(copy, trees, digest));
  states_[id].files = std::move(files);
  return *states_[id].content;
}

Result<std::vector<oci::Digest>> Solving::Keys(
    std::span<const VertexId> vertices) {
  return AskAll<oci::Digest>(vertices, [this](VertexId id) { return Key(id); });
}

}  // namespace strake::builder::solve
