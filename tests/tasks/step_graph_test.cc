#include "tasks/file/step_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace strake::tasks::file {
namespace {

using Edges = std::vector<std::vector<size_t>>;

TEST(StepGraphTest, AStepWithoutWhenFollowsTheOneBefore) {
  auto edges = MakeStepGraph(
      std::vector<NamedStep>{{"a", {"-"}}, {"b", {"-"}}, {"c", {}}});
  ASSERT_TRUE(edges) << edges.error().message();
  EXPECT_EQ(*edges, (Edges{{}, {}, {1}}));
}

TEST(StepGraphTest, AnIdNamedTwiceIsOneEdge) {
  auto edges = MakeStepGraph(
      std::vector<NamedStep>{{"a", {}}, {"b", {}}, {"c", {"b", "a", "b"}}});
  ASSERT_TRUE(edges) << edges.error().message();
  EXPECT_EQ(*edges, (Edges{{}, {0}, {0, 1}}));
}

TEST(StepGraphTest, TheRootCanBeNamed) {
  auto edges =
      MakeStepGraph(std::vector<NamedStep>{{"a", {}}, {"b", {"acb_root"}}});
  ASSERT_TRUE(edges) << edges.error().message();
  EXPECT_EQ(*edges, (Edges{{}, {}}));
}

struct BadGraph {
  std::string name;
  std::vector<NamedStep> steps;
  std::string message;
  size_t failed = 0;
};

class BadGraphTest : public testing::TestWithParam<BadGraph> {};

TEST_P(BadGraphTest, IsRefused) {
  size_t failed = 0;
  auto edges = MakeStepGraph(GetParam().steps, &failed);
  ASSERT_FALSE(edges);
  EXPECT_EQ(edges.error().message(), GetParam().message);
  EXPECT_EQ(failed, GetParam().failed);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadGraphTest,
    testing::Values(
        BadGraph{"Forward",
                 {{"a", {"b"}}, {"b", {}}},
                 "b does not exist as a vertex [from: b, to: a]",
                 0},
        BadGraph{"Unknown",
                 {{"a", {}}, {"b", {"c"}}},
                 "c does not exist as a vertex [from: c, to: b]",
                 1},
        BadGraph{"Empty", {{"a", {}}, {"b", {""}}}, "from cannot be empty", 1},
        BadGraph{"Reserved",
                 {{"acb_root", {}}},
                 "acb_root is a reserved ID, it can't be used",
                 0},
        BadGraph{"Twice",
                 {{"a", {}}, {"a", {}}},
                 "a already exists as a vertex",
                 1}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace strake::tasks::file
