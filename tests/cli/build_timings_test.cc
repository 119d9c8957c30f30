#include "cli/build_timings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/build_metadata.h"
#include "cli/chrome_trace.h"

namespace strake::cli {
namespace {

using builder::ProgressEvent;
using Kind = ProgressEvent::Kind;
using nlohmann::json;
using std::chrono::milliseconds;

class Forgetful final : public builder::ProgressSink {
 public:
  void OnEvent(const ProgressEvent&) override { ++events; }
  int events = 0;
};

class BuildTimingsTest : public ::testing::Test {
 protected:
  ProgressEvent At(Kind kind, uint64_t step, int time_ms) {
    ProgressEvent event;
    event.kind = kind;
    event.step = step;
    event.time = begin_ + milliseconds(time_ms);
    return event;
  }
  void Step(uint64_t step, const std::string& name, int from, int to,
            Kind how = Kind::kStepDone) {
    ProgressEvent event = At(Kind::kStepStarted, step, from);
    event.name = name;
    timings_.OnEvent(event);
    timings_.OnEvent(At(how, step, to));
  }
  void Phase(const std::string& name, int from, int to) {
    ProgressEvent event = At(Kind::kPhase, 0, to);
    event.phase = {name, "[1/1] RUN x", begin_ + milliseconds(from)};
    timings_.OnEvent(event);
  }
  json Events(const std::string& category) {
    json found = json::array();
    const json trace = json::parse(ChromeTrace(timings_.spans()));
    for (const json& event : trace["traceEvents"]) {
      if (event.value("cat", "") == category) found.push_back(event);
    }
    return found;
  }

  std::chrono::system_clock::time_point begin_ =
      std::chrono::system_clock::now();
  Forgetful next_;
  BuildTimings timings_{next_};
};

TEST_F(BuildTimingsTest, AddsUpPhasesOfOneName) {
  Phase("execute", 0, 1000);
  Phase("layer", 500, 700);
  Phase("execute", 1000, 1500);
  auto phases = timings_.PhaseSeconds();
  EXPECT_NEAR(phases["execute"], 1.5, 1e-6);
  EXPECT_NEAR(phases["layer"], 0.2, 1e-6);
}

TEST_F(BuildTimingsTest, SummarisesWhatTookLongFirst) {
  EXPECT_EQ(timings_.Summary(), "");
  Phase("layer", 0, 200);
  Phase("execute", 0, 1000);
  Phase("digest", 0, 3);
  EXPECT_THAT(timings_.Summary(),
              ::testing::EndsWith("s (execute 1.0s, layer 0.2s)"));
}

TEST_F(BuildTimingsTest, PassesEveryEventOn) {
  Step(1, "a", 0, 5);
  Phase("layer", 0, 2);
  EXPECT_EQ(next_.events, 3);
}

TEST_F(BuildTimingsTest, TracesStepsWithTheirOutcome) {
  Step(1, "[1/2] RUN a", 10, 110);
  Step(2, "[2/2] RUN b", 110, 120, Kind::kStepFailed);
  json steps = Events("step");
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0]["name"], "[1/2] RUN a");
  EXPECT_EQ(steps[0]["ph"], "X");
  EXPECT_EQ(steps[0]["ts"], 0);
  EXPECT_EQ(steps[0]["dur"], 100000);
  EXPECT_EQ(steps[0]["args"]["detail"], "done");
  EXPECT_EQ(steps[1]["ts"], 100000);
  EXPECT_EQ(steps[1]["args"]["detail"], "failed");
  EXPECT_EQ(steps[0]["tid"], steps[1]["tid"]);
}

TEST_F(BuildTimingsTest, DrawsWhatOverlapsInThreadsOfItsOwn) {
  Phase("execute", 0, 100);
  Phase("layer", 50, 150);
  Phase("diff", 100, 120);
  json phases = Events("phase");
  ASSERT_EQ(phases.size(), 3u);
  EXPECT_EQ(phases[0]["tid"], 1);
  EXPECT_EQ(phases[1]["tid"], 2);
  EXPECT_EQ(phases[2]["tid"], 1);
}

TEST_F(BuildTimingsTest, TracesTransfersFromTheFirstByteToTheLast) {
  ProgressEvent event = At(Kind::kTransfer, 7, 10);
  event.transfer = {"sha256:ab", 1, 100, false};
  timings_.OnEvent(event);
  event.time += milliseconds(20);
  event.transfer = {"sha256:ab", 100, 100, true};
  timings_.OnEvent(event);
  json transfers = Events("transfer");
  ASSERT_EQ(transfers.size(), 1u);
  EXPECT_EQ(transfers[0]["dur"], 20000);
  EXPECT_EQ(transfers[0]["args"]["detail"], "100 bytes");
}

TEST_F(BuildTimingsTest, GivesATraceOfNothing) {
  json trace = json::parse(ChromeTrace({}));
  for (const json& event : trace["traceEvents"]) EXPECT_EQ(event["ph"], "M");
}

TEST_F(BuildTimingsTest, GoesIntoTheMetadata) {
  Phase("execute", 0, 1000);
  builder::BuildResult result;
  json metadata = json::parse(BuildMetadata(result, &timings_));
  const json& told = metadata["strake.timings"];
  EXPECT_NEAR(told["phases"]["execute"].get<double>(), 1, 1e-6);
  EXPECT_GE(told["total_seconds"].get<double>(), 0.99);
  EXPECT_FALSE(json::parse(BuildMetadata(result)).contains("strake.timings"));
}

}  // namespace
}  // namespace strake::cli
