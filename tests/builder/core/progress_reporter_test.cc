#include "builder/progress_reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace strake::builder {
namespace {

using Kind = ProgressEvent::Kind;

// Keeps every event, and notes calls that overlap.
class Recorder final : public ProgressSink {
 public:
  void OnEvent(const ProgressEvent& event) override {
    if (inside_.exchange(true)) overlapped = true;
    events.push_back(event);
    inside_ = false;
  }
  std::vector<ProgressEvent> events;
  std::atomic<bool> overlapped = false;

 private:
  std::atomic<bool> inside_ = false;
};

TEST(ProgressReporterTest, NumbersStepsFromOne) {
  Recorder recorder;
  ProgressReporter reporter(&recorder);
  EXPECT_EQ(reporter.Start("a"), 1u);
  reporter.Cached("b");
  EXPECT_EQ(reporter.Start("c"), 3u);
  ASSERT_EQ(recorder.events.size(), 3u);
  EXPECT_EQ(recorder.events[1].kind, Kind::kStepCached);
  EXPECT_EQ(recorder.events[1].step, 2u);
  EXPECT_EQ(recorder.events[1].name, "b");
}

TEST(ProgressReporterTest, SaysHowAStepEnded) {
  Recorder recorder;
  ProgressReporter reporter(&recorder);
  reporter.End(1, {});
  reporter.End(2, Cancelled("stop"));
  reporter.End(3, IoError("disk on fire"));
  EXPECT_EQ(recorder.events[0].kind, Kind::kStepDone);
  EXPECT_EQ(recorder.events[1].kind, Kind::kStepCancelled);
  EXPECT_EQ(recorder.events[2].kind, Kind::kStepFailed);
  EXPECT_EQ(recorder.events[2].text, "disk on fire");
}

TEST(ProgressReporterTest, PassesOutputTransfersAndWarningsOn) {
  Recorder recorder;
  ProgressReporter reporter(&recorder);
  reporter.Log(1, 2, std::string_view("\0x", 2));
  ProgressEvent::Transfer transfer;
  transfer.id = "blob";
  transfer.current_bytes = 5;
  reporter.Transfer(1, transfer);
  reporter.Warning("careful");
  EXPECT_EQ(recorder.events[0].text, std::string("\0x", 2));
  EXPECT_EQ(recorder.events[0].stream, 2);
  EXPECT_EQ(recorder.events[1].transfer.current_bytes, 5u);
  EXPECT_EQ(recorder.events[2].kind, Kind::kWarning);
  EXPECT_EQ(recorder.events[2].step, 0u);
}

TEST(ProgressReporterTest, IsSilentWithoutASink) {
  ProgressReporter reporter(nullptr);
  EXPECT_EQ(reporter.Start("a"), 1u);
  EXPECT_EQ(reporter.Start("b"), 2u);
  reporter.End(1, {});
}

TEST(ProgressReporterTest, CallsOneAtATimeAndEachStepInItsOrder) {
  Recorder recorder;
  ProgressReporter reporter(&recorder);
  constexpr int kThreads = 8, kSteps = 50;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&reporter] {
        for (int i = 0; i < kSteps; ++i) {
          uint64_t step = reporter.Start("step");
          reporter.Log(step, 1, "line\n");
          reporter.End(step, {});
          reporter.Cached("cached");
        }
      });
    }
  }
  EXPECT_FALSE(recorder.overlapped);
  std::map<uint64_t, std::vector<Kind>> by_step;
  auto last = recorder.events.front().time;
  for (const ProgressEvent& event : recorder.events) {
    by_step[event.step].push_back(event.kind);
    EXPECT_LE(last, event.time);
    last = event.time;
  }
  EXPECT_EQ(by_step.size(), 2u * kThreads * kSteps);
  for (const auto& [step, kinds] : by_step) {
    if (kinds.front() == Kind::kStepCached) {
      EXPECT_EQ(kinds.size(), 1u);
    } else {
      EXPECT_EQ(kinds,
                (std::vector{Kind::kStepStarted, Kind::kLog, Kind::kStepDone}));
    }
  }
}

TEST(ProgressReporterTest, ReportsStepsInTheOrderOfTheirNumbers) {
  Recorder recorder;
  ProgressReporter reporter(&recorder);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&reporter] {
        for (int i = 0; i < 200; ++i) reporter.Start("step");
      });
    }
  }
  uint64_t expected = 0;
  for (const ProgressEvent& event : recorder.events) {
    ASSERT_EQ(event.step, ++expected);
  }
}

TEST(ProgressStepTest, EndsOnce) {
  Recorder recorder;
  ProgressReporter reporter(&recorder);
  {
    ProgressStep step(reporter, "a");
    step.End(IoError("no"));
    step.End({});
  }
  { ProgressStep step(reporter, "b"); }
  ASSERT_EQ(recorder.events.size(), 4u);
  EXPECT_EQ(recorder.events[1].kind, Kind::kStepFailed);
  EXPECT_EQ(recorder.events[3].kind, Kind::kStepDone);
}

TEST(ProgressStepTest, EndsWithAResultsOutcome) {
  Recorder recorder;
  ProgressReporter reporter(&recorder);
  ProgressStep good(reporter, "a"), bad(reporter, "b");
  EXPECT_EQ(*good.EndWith(Result<int>(7)), 7);
  EXPECT_FALSE(bad.EndWith(Result<int>(NotFound("x"))));
  EXPECT_EQ(recorder.events[2].kind, Kind::kStepDone);
  EXPECT_EQ(recorder.events[3].kind, Kind::kStepFailed);
}

}  // namespace
}  // namespace strake::builder
