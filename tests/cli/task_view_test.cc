#include "cli/task_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "cli/display_text.h"

namespace strake::cli {
namespace {

using std::chrono::milliseconds;
using tasks::run::RunRecord;
using tasks::run::StepRecord;
using tasks::run::StepState;
using testing::ElementsAre;

LiveView::Time At(int millis) { return LiveView::Time(milliseconds(millis)); }

RunRecord ThreeSteps() {
  RunRecord record;
  record.id = "ca1";
  record.started = At(0);
  for (const char* id : {"build", "test", "push"}) {
    StepRecord step;
    step.id = id;
    if (!record.steps.empty()) step.after = {record.steps.back().id};
    record.steps.push_back(step);
  }
  return record;
}

StepRecord InState(StepRecord step, StepState state, int from, int to = -1) {
  step.state = state;
  step.started = At(from);
  if (to >= 0) step.finished = At(to);
  return step;
}

std::vector<std::string> Texts(const std::vector<ViewLine>& lines) {
  std::vector<std::string> texts;
  for (const ViewLine& line : lines) texts.push_back(line.text);
  return texts;
}

TEST(TaskViewTest, ShowsTheGraphWithAPaneForWhatRuns) {
  const RunRecord record = ThreeSteps();
  TaskView view;
  view.Begin(record);
  EXPECT_TRUE(view.idle());
  view.SetStep(0, InState(record.steps[0], StepState::kSuccessful, 0, 1500));
  view.SetStep(1, InState(record.steps[1], StepState::kInProgress, 1500));
  view.AddOutput(1, 1, "one\ntw");
  view.AddOutput(1, 1, "o\n\033[1mthree\033[0m\n");
  EXPECT_FALSE(view.idle());
  EXPECT_THAT(Texts(view.Live(At(2000), 60, 20)),
              ElementsAre("[+] Running ca1 2.0s (1/3)", " ✔ build  1.5s",
                          " ● test   0.5s", "   │ one", "   │ two",
                          "   │ three", " ○ push   after test"));
}

TEST(TaskViewTest, KeepsWithinTheTerminal) {
  RunRecord record;
  record.id = "ca1";
  for (int i = 0; i < 100; ++i) {
    record.steps.emplace_back().id = "step" + std::to_string(i);
  }
  TaskView view;
  view.Begin(record);
  for (size_t i = 0; i < 100; i += 9) {
    view.SetStep(i, InState(record.steps[i], StepState::kInProgress, 0));
    view.AddOutput(i, 1, std::string(200, 'x') + "\ny\nz\n");
  }
  for (size_t rows = 3; rows < 40; ++rows) {
    const auto lines = view.Live(At(10), 30, rows);
    EXPECT_LE(lines.size(), rows);
    for (const ViewLine& line : lines) {
      EXPECT_LE(DisplayWidth(line.text), 30u);
    }
  }
}

TEST(TaskViewTest, EndsWithWhatFailed) {
  const RunRecord record = ThreeSteps();
  TaskView view;
  view.Begin(record);
  StepRecord failed = InState(record.steps[0], StepState::kFailed, 0, 100);
  failed.error = "exit status 2";
  view.AddOutput(0, 2, "no such file\n");
  view.SetStep(0, failed);
  view.SetStep(1, InState(record.steps[1], StepState::kSkipped, 100, 100));
  const auto lines = view.Closing(At(100), 60);
  EXPECT_THAT(Texts(lines),
              ElementsAre("[+] Running ca1 0.1s (2/3)",
                          " ✘ build  0.1s  exit status 2", "   │ no such file",
                          " – test   skipped", " ○ push   after test"));
  EXPECT_EQ(lines[1].kind, ViewLine::Kind::kFailed);
}

TEST(TaskViewTest, LinesScrollUpOnce) {
  TaskView view;
  view.AddLine("note\n");
  EXPECT_THAT(Texts(view.TakeFinished(60)), ElementsAre("note"));
  EXPECT_TRUE(view.TakeFinished(60).empty());
}

}  // namespace
}  // namespace strake::cli
