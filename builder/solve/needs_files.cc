#include "builder/solve/needs_files.h"

#include <variant>

namespace strake::builder::solve {

using plan::Vertex;
using plan::VertexId;

bool WorksOnOutline(const plan::Op& op) {
  if (const auto* copy = std::get_if<plan::CopyOp>(&op)) {
    return !copy->add && !copy->unpack && !copy->windows;
  }
  if (const auto* directory = std::get_if<plan::MakeDirOp>(&op)) {
    return !directory->windows;
  }
  return std::holds_alternative<plan::MergeOp>(op);
}

std::vector<bool> FindNeedsFiles(const plan::BuildGraph& graph,
                                 bool need_roots) {
  std::vector<bool> needs(graph.vertices().size());
  if (need_roots) {
    for (const plan::TargetImage& target : graph.targets) {
      needs[target.state] = true;
    }
  }
  // Inputs are smaller than what is made of them.
  for (size_t id = needs.size(); id-- > 0;) {
    const Vertex& vertex = graph.vertex(static_cast<VertexId>(id));
    for (size_t i = 0; i < vertex.inputs.size(); ++i) {
      const bool by_outline = i == 0 && WorksOnOutline(vertex.op) && !needs[id];
      if (!by_outline) needs[vertex.inputs[i]] = true;
    }
  }
  return needs;
}

std::vector<std::vector<Use>> FindUses(const plan::BuildGraph& graph) {
  std::vector<std::vector<Use>> uses(graph.vertices().size());
  for (size_t id = 0; id < uses.size(); ++id) {
    const Vertex& vertex = graph.vertex(static_cast<VertexId>(id));
    for (size_t i = 0; i < vertex.inputs.size(); ++i) {
      uses[vertex.inputs[i]].push_back({static_cast<VertexId>(id), i});
    }
  }
  return uses;
}

}  // namespace strake::builder::solve
