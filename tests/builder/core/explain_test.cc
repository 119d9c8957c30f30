#include "builder/cache/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace strake::builder::cache {
namespace {

using plan::BuildGraph;
using plan::VertexId;
using strake::testing::TempDir;
using Reason = Explanation::Reason;

BuildGraph Steps(const std::vector<std::string>& commands) {
  BuildGraph graph;
  VertexId below = graph.Add({plan::ScratchOp{}, {}, "scratch", 0, 0});
  for (size_t i = 0; i < commands.size(); ++i) {
    plan::Vertex vertex;
    plan::RunOp run;
    run.argv = {"sh", "-c", commands[i]};
    vertex.op = std::move(run);
    vertex.inputs = {below};
    vertex.name = "[main " + std::to_string(i + 2) + "/" +
                  std::to_string(commands.size() + 1) + "] RUN " + commands[i];
    vertex.first_line = i + 2;
    below = graph.Add(std::move(vertex));
  }
  return graph;
}

// Executes all steps, and returns what is said of them.
std::vector<Explanation> Build(const std::string& path,
                               const std::vector<std::string>& commands) {
  const BuildGraph graph = Steps(commands);
  StepHistory history = StepHistory::Open(path);
  history.Follow(graph);
  std::string key;
  for (VertexId id = 1; id < graph.vertices().size(); ++id) {
    StepFacts facts;
    facts.id = id;
    if (id > 1) {
      AddParent(oci::Digest::Of(key), graph.vertex(id - 1).name,
                facts.ingredients);
    }
    key += commands[id - 1] + "\n";
    facts.key = oci::Digest::Of(key);
    facts.ingredients.merge(DescribeOperation(graph, id));
    history.Explain(facts);
  }
  EXPECT_TRUE(history.Save("2026-01-02T03:04:05Z"));
  return history.explanations();
}

TEST(StepHistoryTest, KnowsNothingOfAFirstBuild) {
  TempDir dir;
  for (const Explanation& step : Build(dir.path("steps"), {"a", "b"})) {
    EXPECT_EQ(step.reason, Reason::kNew);
    EXPECT_EQ(step.since, "");
  }
}

TEST(StepHistoryTest, FindsAStepThatChangedInItsPlace) {
  TempDir dir;
  Build(dir.path("steps"), {"a", "b", "c"});
  auto steps = Build(dir.path("steps"), {"a", "B", "c"});
  EXPECT_EQ(steps[0].reason, Reason::kRemoved);
  EXPECT_EQ(steps[1].reason, Reason::kChanged);
  EXPECT_EQ(steps[1].since, "2026-01-02T03:04:05Z");
  ASSERT_EQ(steps[1].changes.size(), 1u);
  EXPECT_EQ(steps[1].changes[0],
            (KeyChange{"command", "", "changed", "sh -c b", "sh -c B"}));
  ASSERT_EQ(steps[2].changes.size(), 1u);
  EXPECT_EQ(steps[2].changes[0].kind, "parent");
  EXPECT_EQ(steps[2].line, 4u);
}

TEST(StepHistoryTest, AStepThatWasPutBetweenIsNewAndTheOthersAreTheSame) {
  TempDir dir;
  Build(dir.path("steps"), {"a", "b"});
  auto steps = Build(dir.path("steps"), {"a", "between", "b"});
  EXPECT_EQ(steps[0].reason, Reason::kRemoved);
  EXPECT_EQ(steps[1].reason, Reason::kNew);
  ASSERT_EQ(steps[2].changes.size(), 1u);
  EXPECT_EQ(steps[2].changes[0].kind, "parent");
  EXPECT_EQ(steps[2].changes[0].before, "[main 2/3] RUN a");
  EXPECT_EQ(steps[2].changes[0].after, "[main 3/4] RUN between");
}

TEST(StepHistoryTest, ADamagedFileIsAnEmptyHistory) {
  TempDir dir;
  Build(dir.path("steps"), {"a"});
  std::ofstream(dir.path("steps")) << "{\"version\": 1, \"steps\": [{}]}";
  auto steps = Build(dir.path("steps"), {"a"});
  EXPECT_EQ(steps[0].reason, Reason::kNew);
  EXPECT_EQ(Build(dir.path("steps"), {"a"})[0].reason, Reason::kRemoved);
}

TEST(IngredientsTest, FilesStandForTheContentWhereTheyAreKnown) {
  const Ingredients before = {{{"content", ""}, "1"},
                              {{"file", "a"}, "0644 0:0 - file:1"}};
  Ingredients after = {{{"content", ""}, "2"},
                       {{"file", "a"}, "0600 0:1 - file:1"}};
  EXPECT_THAT(
      Compare(before, after),
      ::testing::ElementsAre(KeyChange{"file", "a", "mode", "0644", "0600"},
                             KeyChange{"file", "a", "owner", "0:0", "0:1"}));
  after.erase({"file", "a"});
  EXPECT_THAT(Compare(before, after), ::testing::ElementsAre(KeyChange{
                                          "content", "", "changed", "", ""}));
}

TEST(ExplanationTest, IsOneLineForEachChange) {
  Explanation explanation;
  explanation.reason = Reason::kChanged;
  explanation.since = "T";
  explanation.changes = {{"file", "a", "mode", "0644", "0600"},
                         {"argument", "V", "added", "", ""}};
  EXPECT_THAT(ExplanationLines(explanation),
              ::testing::ElementsAre("not cached: file a: mode changed from "
                                     "0644 to 0600 since the build of T",
                                     "not cached: argument V: added since the "
                                     "build of T"));
  EXPECT_EQ(ExplanationsJson({}), "{\"steps\":[]}\n");
}

}  // namespace
}  // namespace strake::builder::cache
