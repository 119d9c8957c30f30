#include "builder/plan/build_graph.h"

#include <gtest/gtest.h>

namespace strake::builder::plan {
namespace {

Vertex RunVertex(std::string command, std::vector<VertexId> inputs) {
  RunOp run;
  run.argv = {std::move(command)};
  Vertex vertex;
  vertex.op = std::move(run);
  vertex.inputs = std::move(inputs);
  return vertex;
}

TEST(BuildGraphTest, EqualVerticesAreOne) {
  BuildGraph graph;
  VertexId scratch = graph.Add({ScratchOp{}, {}, "scratch", 0, 0});
  EXPECT_EQ(graph.Add({ScratchOp{}, {}, "again", 7, 7}), scratch);
  VertexId first = graph.Add(RunVertex("x", {scratch}));
  EXPECT_EQ(graph.Add(RunVertex("x", {scratch})), first);
  EXPECT_EQ(graph.vertices().size(), 2u);
  EXPECT_EQ(graph.vertex(scratch).name, "scratch");
}

TEST(BuildGraphTest, WhatIsExecutedInAnyCaseForOneIsForItsEqual) {
  BuildGraph graph;
  VertexId first = graph.Add(RunVertex("x", {}));
  EXPECT_FALSE(graph.vertex(first).no_cache);
  Vertex again = RunVertex("x", {});
  again.no_cache = true;
  EXPECT_EQ(graph.Add(std::move(again)), first);
  EXPECT_TRUE(graph.vertex(first).no_cache);
  EXPECT_EQ(graph.Add(RunVertex("x", {})), first);
  EXPECT_TRUE(graph.vertex(first).no_cache);
}

TEST(BuildGraphTest, VerticesDifferByOperationAndByInputs) {
  BuildGraph graph;
  VertexId scratch = graph.Add({ScratchOp{}, {}, "scratch", 0, 0});
  VertexId x = graph.Add(RunVertex("x", {scratch}));
  EXPECT_NE(graph.Add(RunVertex("y", {scratch})), x);
  EXPECT_NE(graph.Add(RunVertex("x", {x})), x);
  EXPECT_NE(graph.Add(RunVertex("x", {scratch, x})), x);
  EXPECT_NE(graph.Add(RunVertex("x", {x, scratch})),
            graph.Add(RunVertex("x", {scratch, x})));
}

TEST(BuildGraphTest, CacheMountsTellVerticesApartThoughTheyAreNotKeyed) {
  BuildGraph graph;
  Vertex a = RunVertex("x", {});
  Vertex b = RunVertex("x", {});
  RunMount mount;
  mount.kind = RunMount::Kind::kCache;
  mount.target = "/c";
  mount.id = "one";
  std::get<RunOp>(a.op).mounts = {mount};
  mount.id = "two";
  std::get<RunOp>(b.op).mounts = {mount};
  EXPECT_EQ(Definition(a.op, DefinitionPurpose::kCacheKey),
            Definition(b.op, DefinitionPurpose::kCacheKey));
  VertexId first = graph.Add(std::move(a));
  EXPECT_NE(graph.Add(std::move(b)), first);
}

}  // namespace
}  // namespace strake::builder::plan
