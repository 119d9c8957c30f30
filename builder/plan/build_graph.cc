#include "builder/plan/build_graph.h"

namespace strake::builder::plan {

VertexId BuildGraph::Add(Vertex vertex) {
  auto [it, added] = known_.try_emplace(
      std::pair(Definition(vertex.op, DefinitionPurpose::kIdentity),
                vertex.inputs),
      vertices_.size());
  if (added) {
    vertices_.push_back(std::move(vertex));
  } else if (vertex.no_cache) {
    vertices_[it->second].no_cache = true;
  }
  return it->second;
}

}  // namespace strake::builder::plan
