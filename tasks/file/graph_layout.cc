// Layers by the longest way from the start; an edge over several layers gets a
// place in each, so that it does not run through the steps there; within the
// layers, everything moves towards the middle of its neighbours, to and fro a
// few times (Sugiyama's method, without its refinements).

#include "tasks/file/graph_layout.h"

#include <algorithm>
#include <utility>

namespace strake::tasks::file {
namespace {

constexpr int kSweeps = 4;

using Neighbours = std::vector<std::vector<size_t>>;  // of each node

void AddSteps(const Task& task, GraphLayout& layout) {
  for (size_t i = 0; i < task.steps.size(); ++i) {
    GraphLayout::Node node;
    node.step = i;
    // Those before stand further up in the file.
    for (size_t before : task.steps[i].after) {
      node.layer = std::max(node.layer, layout.nodes[before].layer + 1);
    }
    layout.nodes.push_back(node);
  }
}

void AddEdges(const Task& task, GraphLayout& layout) {
  for (size_t to = 0; to < task.steps.size(); ++to) {
    for (size_t from : task.steps[to].after) {
      GraphLayout::Edge edge{from, to, {from}};
      size_t last = layout.nodes[to].layer;
      for (size_t layer = layout.nodes[from].layer + 1; layer < last; ++layer) {
        edge.nodes.push_back(layout.nodes.size());
        layout.nodes.push_back({std::nullopt, layer, 0});
      }
      edge.nodes.push_back(to);
      layout.edges.push_back(std::move(edge));
    }
  }
}

void FillLayers(GraphLayout& layout) {
  for (size_t i = 0; i < layout.nodes.size(); ++i) {
    size_t layer = layout.nodes[i].layer;
    if (layout.layers.size() <= layer) layout.layers.resize(layer + 1);
    layout.layers[layer].push_back(i);
  }
}

void NumberRows(std::vector<size_t>& layer, GraphLayout& layout) {
  for (size_t row = 0; row < layer.size(); ++row) {
    layout.nodes[layer[row]].row = row;
  }
}

void SortLayer(const Neighbours& neighbours, std::vector<size_t>& layer,
               GraphLayout& layout) {
  auto middle = [&](size_t node) {
    const auto& others = neighbours[node];
    double sum = 0;
    if (others.empty()) return static_cast<double>(layout.nodes[node].row);
    for (size_t other : others) {
      sum += static_cast<double>(layout.nodes[other].row);
    }
    return sum / static_cast<double>(others.size());
  };
  std::vector<std::pair<double, size_t>> placed;
  for (size_t node : layer) placed.emplace_back(middle(node), node);
  std::ranges::stable_sort(placed, {}, &std::pair<double, size_t>::first);
  for (size_t row = 0; row < layer.size(); ++row) {
    layer[row] = placed[row].second;
  }
  NumberRows(layer, layout);
}

}  // namespace

GraphLayout LayOutGraph(const Task& task) {
  GraphLayout layout;
  AddSteps(task, layout);
  AddEdges(task, layout);
  FillLayers(layout);
  Neighbours before(layout.nodes.size());
  Neighbours behind(layout.nodes.size());
  for (const GraphLayout::Edge& edge : layout.edges) {
    for (size_t i = 1; i < edge.nodes.size(); ++i) {
      before[edge.nodes[i]].push_back(edge.nodes[i - 1]);
      behind[edge.nodes[i - 1]].push_back(edge.nodes[i]);
    }
  }
  auto& layers = layout.layers;
  for (auto& layer : layers) NumberRows(layer, layout);
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (auto& layer : layers) SortLayer(before, layer, layout);
    for (size_t i = layers.size(); i-- > 0;) {
      SortLayer(behind, layers[i], layout);
    }
  }
  for (auto& layer : layers) SortLayer(before, layer, layout);
  return layout;
}

}  // namespace strake::tasks::file
