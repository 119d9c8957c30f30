#include <algorithm>
#include <chrono>

#include "builder/solve/solving.h"
#include "builder/solve/vertex_kind.h"
#include "util/result_macros.h"

namespace strake::builder::solve {

using plan::Vertex;
using plan::VertexId;

void Solving::Explain(VertexId id, const oci::Digest& key, uint64_t step) {
  if (services_.history == nullptr) return;
  const Vertex& vertex = graph_.vertex(id);
  cache::StepFacts facts = Facts(id, key);
  facts.no_cache = options_.no_cache || vertex.no_cache;
  // A result is there: it is a state that it is made of that is another.
  if (!vertex.inputs.empty() && !UsableRecords(key).empty()) {
    auto anew = std::ranges::find_if(
        vertex.inputs, [this](VertexId input) { return stale_[input]; });
    facts.made_anew = anew == vertex.inputs.end() ? vertex.inputs[0] : *anew;
  }
  if (auto layer = FindRefusedLayer(key); layer && UsableRecords(key).empty()) {
    const auto [have, want] = FormDifference(layer->form, form_);
    facts.refused =
        KeyChange{"layers", layer->import.empty() ? "the store" : layer->import,
                  "changed", have, want};
  }
  const Explanation explanation = services_.history->Explain(facts);
  if (!options_.explain) return;
  for (const std::string& line : ExplanationLines(explanation)) {
    services_.progress.Log(step, 1, line + "\n");
  }
}

cache::StepFacts Solving::Facts(VertexId id, const oci::Digest& key) {
  const Vertex& vertex = graph_.vertex(id);
  cache::StepFacts facts;
  facts.id = id;
  facts.key = key;
  facts.ingredients = cache::DescribeOperation(graph_, id);
  if (!vertex.inputs.empty() && IsStep(graph_.vertex(vertex.inputs[0]))) {
    if (auto below = Key(vertex.inputs[0])) {
      cache::AddParent(*below, graph_.vertex(vertex.inputs[0]).name,
                       facts.ingredients);
    }
  }
  if (states_[id].content) {
    cache::AddContent(*states_[id].content, facts.ingredients);
  }
  states_[id].files.AddTo(facts.ingredients);
  const bool is_dated = std::holds_alternative<plan::CopyOp>(vertex.op) ||
                        std::holds_alternative<plan::MakeDirOp>(vertex.op);
  if (const auto& epoch = services_.environment.epoch; is_dated && epoch) {
    facts.ingredients[{"argument", "SOURCE_DATE_EPOCH"}] = std::to_string(
        std::chrono::floor<std::chrono::seconds>(*epoch).count());
  }
  AddMounts(vertex, facts.ingredients);
  return facts;
}

void Solving::AddMounts(const Vertex& vertex, cache::Ingredients& ingredients) {
  const auto* run = std::get_if<plan::RunOp>(&vertex.op);
  if (run == nullptr) return;
  for (const plan::RunMount& mount : run->mounts) {
    if (mount.input == 0 || mount.input >= vertex.inputs.size()) continue;
    if (auto key = Key(vertex.inputs[mount.input])) {
      cache::AddMountContent(mount.target, *key, ingredients);
    }
  }
}

}  // namespace strake::builder::solve
