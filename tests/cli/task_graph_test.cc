#include "cli/task_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "util/strings.h"

namespace strake::cli {
namespace {

using tasks::file::Step;
using tasks::file::StepKind;
using tasks::file::Task;
using ::testing::HasSubstr;
using ::testing::Not;

Task Diamond() {
  Task task;
  task.file = "a<b.yaml";
  for (const char* id : {"start", "left", "right", "the-end"}) {
    Step step;
    step.id = id;
    task.steps.push_back(step);
  }
  task.steps[1].kind = StepKind::kBuild;
  task.steps[3].kind = StepKind::kPush;
  task.steps[1].after = {0};
  task.steps[2].after = {0};
  task.steps[3].after = {0, 1, 2};
  return task;
}

size_t Count(const std::string& text, const std::string& word) {
  return (text.size() - ReplaceAll(text, word, "").size()) / word.size();
}

TEST(TaskGraphTest, TextIsATable) {
  EXPECT_EQ(GraphText(Diamond()),
            "LEVEL  STEP     KIND   AFTER\n"
            "1      start    cmd    -\n"
            "2      left     build  start\n"
            "2      right    cmd    start\n"
            "3      the-end  push   start, left, right\n");
}

TEST(TaskGraphTest, DotHasEveryStepAndEdge) {
  std::string dot = GraphDot(Diamond());
  EXPECT_THAT(dot, HasSubstr("\"left\" [label=\"left\\nbuild\"];\n"));
  EXPECT_THAT(dot, HasSubstr("\"right\" -> \"the-end\";\n"));
  EXPECT_EQ(Count(dot, " -> "), 5u);
}

TEST(TaskGraphTest, SvgHasEveryStepAndEdge) {
  std::string svg = GraphSvg(Diamond());
  EXPECT_EQ(Count(svg, "<rect "), 4u);
  EXPECT_EQ(Count(svg, "class=\"edge\""), 5u);
  EXPECT_THAT(svg, HasSubstr(">the-end</text>"));
  EXPECT_THAT(svg, HasSubstr("prefers-color-scheme:dark"));
}

TEST(TaskGraphTest, SvgIsXmlWhateverTheNames) {
  std::string svg = GraphSvg(Diamond());
  EXPECT_THAT(svg, HasSubstr("Steps of a&lt;b.yaml"));
  EXPECT_THAT(svg, Not(HasSubstr("a<b")));
}

TEST(TaskGraphTest, NoStepsAreAnEmptyDrawing) {
  EXPECT_THAT(GraphSvg(Task()), HasSubstr("</svg>"));
  EXPECT_EQ(GraphText(Task()), "LEVEL  STEP  KIND   AFTER\n");
}

}  // namespace
}  // namespace strake::cli
