#include "tasks/file/graph_layout.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

namespace strake::tasks::file {
namespace {

GraphLayout LayOut(const std::vector<std::vector<size_t>>& after) {
  Task task;
  for (const auto& before : after) {
    Step step;
    step.after = before;
    task.steps.push_back(step);
  }
  return LayOutGraph(task);
}

TEST(GraphLayoutTest, NothingIsEmpty) {
  GraphLayout layout = LayOut({});
  EXPECT_TRUE(layout.nodes.empty());
  EXPECT_TRUE(layout.layers.empty());
}

TEST(GraphLayoutTest, AStepIsBehindAllThatItWaitsFor) {
  GraphLayout layout = LayOut({{}, {}, {0}, {1, 2}});
  EXPECT_EQ(layout.nodes[0].layer, 0u);
  EXPECT_EQ(layout.nodes[1].layer, 0u);
  EXPECT_EQ(layout.nodes[2].layer, 1u);
  EXPECT_EQ(layout.nodes[3].layer, 2u);
}

TEST(GraphLayoutTest, AnEdgeHasAPlaceInEveryLayerItPasses) {
  GraphLayout layout = LayOut({{}, {0}, {1}, {0, 2}});
  ASSERT_EQ(layout.edges.size(), 4u);
  const GraphLayout::Edge& edge = layout.edges[2];
  EXPECT_EQ(edge.from, 0u);
  EXPECT_EQ(edge.to, 3u);
  ASSERT_EQ(edge.nodes.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(layout.nodes[edge.nodes[i]].layer, i);
  }
  EXPECT_FALSE(layout.nodes[edge.nodes[1]].step);
}

TEST(GraphLayoutTest, NothingStandsInThePlaceOfAnother) {
  GraphLayout layout = LayOut({{}, {}, {}, {0, 1}, {2}, {0, 4}, {3, 5}});
  std::set<std::pair<size_t, size_t>> places;
  for (const auto& node : layout.nodes) {
    EXPECT_TRUE(places.emplace(node.layer, node.row).second);
  }
}

TEST(GraphLayoutTest, EdgesThatNeedNotCrossDoNot) {
  // In the order of the file they would: 0 to 3, 1 to 2.
  GraphLayout layout = LayOut({{}, {}, {1}, {0}});
  bool zero_first = layout.nodes[0].row < layout.nodes[1].row;
  bool three_first = layout.nodes[3].row < layout.nodes[2].row;
  EXPECT_EQ(zero_first, three_first);
}

}  // namespace
}  // namespace strake::tasks::file
