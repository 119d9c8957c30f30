// The build graph: what to do, in which order, and what becomes of it. Made
// once by `MakePlan`, immutable afterwards.

#ifndef STRAKE_BUILDER_PLAN_BUILD_GRAPH_H_
#define STRAKE_BUILDER_PLAN_BUILD_GRAPH_H_

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "builder/plan/op.h"
#include "oci/image_config.h"

namespace strake::builder::plan {

using VertexId = size_t;  // index into `BuildGraph::vertices`

struct Vertex {
  Op op;
  std::vector<VertexId> inputs;  // all smaller than the vertex's own id
  std::string name;              // "[builder 2/5] RUN make"
  // Where in the Dockerfile it comes from, 1-based; 0: from nowhere.
  size_t first_line = 0;
  size_t last_line = 0;
  // Is executed even where a cache knows it. No part of what it is.
  bool no_cache = false;
  // Of RUN: which of its variables are build arguments. For messages only.
  std::vector<std::string> arguments = {};
};

// One image to make.
struct TargetImage {
  VertexId state = 0;  // whose snapshot is the root file system
  // The vertices whose changes are the layers, lowest first. Only the first can
  // be an `ImageOp`, which stands for all layers of the base.
  std::vector<VertexId> layers;
  // Final but for what only a build can tell: `created`, the history's times,
  // and the diff IDs of `layers` beyond the base's.
  oci::ImageConfig config;
  // History entries that the base brought along.
  size_t base_history = 0;
};

// All images of one build: what they have in common is done once.
class BuildGraph {
 public:
  const std::vector<Vertex>& vertices() const { return vertices_; }
  const Vertex& vertex(VertexId id) const { return vertices_[id]; }

  // Adds a vertex, or returns the one that does the same with the same inputs;
  // `no_cache` of either counts for both.
  VertexId Add(Vertex vertex);

  // In the order in which they were asked for; one for each platform.
  std::vector<TargetImage> targets;

 private:
  std::vector<Vertex> vertices_;
  std::map<std::pair<std::string, std::vector<VertexId>>, VertexId> known_;
};

}  // namespace strake::builder::plan

#endif  // STRAKE_BUILDER_PLAN_BUILD_GRAPH_H_
