// Where the steps of a task stand when its graph is drawn: in layers, each
// behind all that it waits for, with few edges crossing. Pure.

#ifndef STRAKE_TASKS_FILE_GRAPH_LAYOUT_H_
#define STRAKE_TASKS_FILE_GRAPH_LAYOUT_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "tasks/file/task.h"

namespace strake::tasks::file {

struct GraphLayout {
  struct Node {
    std::optional<size_t> step;  // none: an edge passes here
    size_t layer = 0;
    size_t row = 0;  // within the layer
  };
  struct Edge {
    size_t from = 0;  // steps
    size_t to = 0;
    std::vector<size_t> nodes;  // from one to the other, a layer each
  };
  std::vector<Node> nodes;                  // the steps first, in their order
  std::vector<std::vector<size_t>> layers;  // of nodes, by row
  std::vector<Edge> edges;
};

GraphLayout LayOutGraph(const Task& task);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_GRAPH_LAYOUT_H_
