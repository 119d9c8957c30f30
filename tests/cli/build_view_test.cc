#include "cli/build_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/display_text.h"

namespace strake::cli {
namespace {

using builder::ProgressEvent;
using Kind = ProgressEvent::Kind;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr BuildView::Time kStart{std::chrono::seconds(1'700'000'000)};

BuildView::Time At(int milliseconds) {
  return kStart + std::chrono::milliseconds(milliseconds);
}

ProgressEvent Event(Kind kind, uint64_t step, int milliseconds,
                    std::string text = "") {
  ProgressEvent event;
  event.kind = kind;
  event.step = step;
  event.time = At(milliseconds);
  event.stream = 1;
  bool names = kind == Kind::kStepStarted || kind == Kind::kStepCached;
  (names ? event.name : event.text) = std::move(text);
  return event;
}

std::vector<std::string> Texts(const std::vector<ViewLine>& lines) {
  std::vector<std::string> texts;
  for (const ViewLine& line : lines) texts.push_back(line.text);
  return texts;
}

TEST(BuildViewTest, ShowsRunningStepsWithTheirLastLines) {
  BuildView view("Building", kStart);
  view.Add(Event(Kind::kStepStarted, 1, 0, "[build 2/5] RUN make"));
  for (int i = 0; i < 20; ++i) {
    view.Add(Event(Kind::kLog, 1, i, "line " + std::to_string(i) + "\n"));
  }
  EXPECT_THAT(
      Texts(view.Live(At(1500), 40, 24)),
      ElementsAre("[+] Building 1.5s (0/5)",
                  " => [build 2/5] RUN make            1.5s",
                  " => => # line 14", " => => # line 15", " => => # line 16",
                  " => => # line 17", " => => # line 18", " => => # line 19"));
}

TEST(BuildViewTest, EndedStepsAreTakenOnce) {
  BuildView view("Building", kStart);
  view.Add(Event(Kind::kStepCached, 1, 0, "[1/3] FROM x"));
  view.Add(Event(Kind::kStepStarted, 2, 0, "[2/3] RUN a"));
  view.Add(Event(Kind::kStepDone, 2, 2100));
  EXPECT_THAT(Texts(view.TakeFinished(40)),
              ElementsAre(" => CACHED [1/3] FROM x             0.0s",
                          " => [2/3] RUN a                     2.1s"));
  EXPECT_TRUE(view.TakeFinished(40).empty());
  EXPECT_THAT(Texts(view.Live(At(2100), 40, 24)),
              ElementsAre("[+] Building 2.1s (2/3)"));
}

TEST(BuildViewTest, CountsAnnouncedStepsOfEachStage) {
  BuildView view("Building", kStart);
  view.Add(Event(Kind::kStepStarted, 1, 0, "[internal] load Dockerfile"));
  view.Add(Event(Kind::kStepStarted, 2, 0, "[a 1/2] FROM x"));
  view.Add(Event(Kind::kStepStarted, 3, 0, "[stage-1 1/4] FROM y"));
  view.Add(Event(Kind::kStepDone, 1, 0));
  EXPECT_EQ(view.Live(kStart, 80, 24)[0].text, "[+] Building 0.0s (1/7)");
}

TEST(BuildViewTest, ClosesWithWhatHappened) {
  BuildView done("Building", kStart);
  done.Add(Event(Kind::kStepCached, 1, 0, "[1/9] FROM x"));
  EXPECT_EQ(done.Closing(At(100), 80)[0].text,
            "[+] Building 0.1s (1/1) FINISHED");
  BuildView failed("Building", kStart);
  failed.Add(Event(Kind::kStepStarted, 1, 0, "[1/9] RUN x"));
  failed.Add(Event(Kind::kStepFailed, 1, 0, "exit code: 1"));
  EXPECT_EQ(failed.Closing(At(100), 80)[0].text,
            "[+] Building 0.1s (1/9) ERROR");
  EXPECT_EQ(failed.TakeFinished(80)[0].kind, ViewLine::Kind::kFailed);
}

TEST(BuildViewTest, ShowsTransfersUntilTheyAreDone) {
  BuildView view("Pulling", kStart);
  view.Add(Event(Kind::kStepStarted, 1, 0, "pull"));
  ProgressEvent event = Event(Kind::kTransfer, 1, 0);
  event.transfer.id = "sha256:" + std::string(64, 'a');
  event.transfer.current_bytes = 500'000;
  event.transfer.total_bytes = 1'000'000;
  view.Add(event);
  auto lines = view.Live(kStart, 100, 24);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[2].text, HasSubstr(" => => sha256:aaaaaaaaaaaa  500"));
  EXPECT_THAT(lines[2].text, HasSubstr("[==========>         ]"));
  event.transfer.done = true;
  view.Add(event);
  EXPECT_EQ(view.Live(kStart, 100, 24).size(), 2u);
}

TEST(BuildViewTest, TellsThePaceOfATransferWhereThereIsRoom) {
  BuildView view("Pulling", kStart);
  view.Add(Event(Kind::kStepStarted, 1, 0, "pull"));
  for (int second : {0, 2}) {
    ProgressEvent event = Event(Kind::kTransfer, 1, 1000 * second);
    event.transfer.id = "layer";
    event.transfer.current_bytes =
        100'000 + static_cast<uint64_t>(second) * 1'000'000;
    event.transfer.total_bytes = 10'100'000;
    view.Add(event);
  }
  EXPECT_THAT(view.Live(At(2000), 120, 24)[2].text,
              HasSubstr("] 1.00MB/s, 8s left"));
  EXPECT_THAT(view.Live(At(2000), 80, 24)[2].text, Not(HasSubstr("MB/s")));
}

TEST(BuildViewTest, FitsAnyTerminal) {
  BuildView view("Building", kStart);
  for (uint64_t step = 1; step <= 12; ++step) {
    view.Add(Event(Kind::kStepStarted, step, 0,
                   "[stage 1/3] RUN 日本語日本語日本語 and more"));
    view.Add(Event(Kind::kLog, step, 0,
                   std::string(300, 'x') + "\nsecond\nthird\n"));
    ProgressEvent event = Event(Kind::kTransfer, step, 0);
    event.transfer.id = "layer";
    event.transfer.total_bytes = 10;
    view.Add(event);
  }
  for (size_t columns : {1, 4, 9, 10, 20, 79, 200}) {
    for (size_t rows : {0, 1, 2, 3, 5, 13, 24, 100}) {
      auto lines = view.Live(At(5000), columns, rows);
      EXPECT_LE(lines.size(), rows) << columns << "x" << rows;
      for (const ViewLine& line : lines) {
        EXPECT_LE(DisplayWidth(line.text), columns) << line.text;
      }
    }
  }
  EXPECT_THAT(Texts(view.Live(At(0), 80, 5)).back(), HasSubstr("and 9 more"));
}

TEST(BuildViewTest, WarningsScrollByWhole) {
  BuildView view("Building", kStart);
  view.Add(Event(Kind::kWarning, 0, 0, std::string(100, 'w')));
  EXPECT_EQ(view.TakeFinished(20)[0].text.size(), 100 + 9u);
  EXPECT_TRUE(view.idle());
}

}  // namespace
}  // namespace strake::cli
