#include "registry/traffic.h"

#include <gtest/gtest.h>

#include <latch>
#include <optional>
#include <thread>
#include <vector>

#include "registry/client.h"
#include "registry/http_client.h"
#include "registry/stall_watch.h"
#include "registry/traffic_config.h"
#include "tests/support/expect_result.h"
#include "tests/support/fault_proxy.h"

namespace strake::registry {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using strake::testing::FailsWith;
using strake::testing::FaultProxy;
using strake::testing::IsOk;

const StallWatch::Time kStart{seconds(1000)};

TEST(RatePacerTest, SpacesWhatMovesByTheRate) {
  RatePacer pacer(1000);
  EXPECT_EQ(pacer.Reserve(500, kStart), seconds(0));
  EXPECT_EQ(pacer.Reserve(500, kStart), milliseconds(500));
  EXPECT_EQ(pacer.Reserve(1, kStart + milliseconds(250)), milliseconds(750));
  // What was not used is not saved up.
  EXPECT_EQ(pacer.Reserve(1000, kStart + seconds(100)), seconds(0));
  EXPECT_EQ(pacer.Reserve(1, kStart + seconds(100)), seconds(1));
}

TEST(TrafficTest, HasTheSmallerOfBothRates) {
  TrafficLimits limits;
  limits.bytes_per_second = 100;
  limits.hosts["slow"].bytes_per_second = 10;
  limits.hosts["fast"].bytes_per_second = 1000;
  Traffic traffic(limits);
  EXPECT_EQ(traffic.RateFor("slow"), 10u);
  EXPECT_EQ(traffic.RateFor("fast"), 100u);
  EXPECT_EQ(traffic.RateFor("other"), 100u);
  EXPECT_EQ(Traffic().RateFor("other"), 0u);
}

TEST(TrafficTest, LetsInNoMoreThanAreAllowed) {
  TrafficLimits limits;
  limits.hosts["h"].max_requests = 1;
  Traffic traffic(limits);
  auto first = std::make_optional(traffic.Enter("h", false, {}));
  // Others and uploads have places of their own.
  Traffic::Slot other = traffic.Enter("other", false, {});
  Traffic::Slot upload = traffic.Enter("h", true, {});
  std::latch entered(1);
  std::jthread second([&](std::stop_token stop) {
    Traffic::Slot slot = traffic.Enter("h", false, stop);
    entered.count_down();
  });
  EXPECT_FALSE(entered.try_wait());
  first.reset();
  entered.wait();
}

TEST(TrafficTest, StopsWaitingForAPlace) {
  TrafficLimits limits;
  limits.hosts["h"].max_requests = 1;
  Traffic traffic(limits);
  Traffic::Slot first = traffic.Enter("h", false, {});
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  Traffic::Slot none = traffic.Enter("h", false, stop.get_token());
}

TEST(TrafficTest, RemembersWhatUploadsFoundOut) {
  Traffic traffic;
  EXPECT_EQ(traffic.HabitsOf("h").largest_request, 0u);
  traffic.Learn("h", {.largest_request = 100});
  traffic.Learn("h", {.refuses_patch = true});
  traffic.Learn("h", {.largest_request = 200});
  EXPECT_EQ(traffic.HabitsOf("h").largest_request, 100u);
  EXPECT_TRUE(traffic.HabitsOf("h").refuses_patch);
  EXPECT_FALSE(traffic.HabitsOf("other").refuses_patch);
}

TEST(TrafficTest, HoldsBackWhatAClientFetches) {
  FaultProxy server(0);
  server.Add({.times = -1, .respond = [](const auto&) {
                return FaultProxy::Response(200, {}, std::string(300'000, 'x'));
              }});
  ClientOptions options;
  TrafficLimits limits;
  limits.bytes_per_second = 1'000'000;
  options.traffic = std::make_shared<Traffic>(limits);
  HttpClient client(options);
  auto start = std::chrono::steady_clock::now();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      HttpRequest request;
      request.url = "http://" + server.authority() + "/";
      EXPECT_EQ(client.Send(request, {}).response.body.size(), 300'000u);
    });
  }
  threads.clear();
  // All but the last piece have had their time.
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(400));
}

TEST(TrafficConfigTest, ReadsLimitsOfHosts) {
  TrafficLimits limits;
  limits.hosts["kept"].max_requests = 9;
  ASSERT_TRUE(IsOk(ParseTrafficLimits(
      "[host.\"Registry.example:5000\"]\n"
      "max-requests = 2\nlimit-rate = \"10MB\"\nchunk-size = \"5MiB\"\n"
      "[host.\"docker.io\"]\nmax-requests = 1\n",
      "r.toml", limits)));
  const HostLimits& host = limits.hosts["registry.example:5000"];
  EXPECT_EQ(host.max_requests, 2u);
  EXPECT_EQ(host.bytes_per_second, 10'000'000u);
  EXPECT_EQ(host.chunk_bytes, uint64_t{5} << 20);
  EXPECT_EQ(limits.hosts["registry-1.docker.io"].max_requests, 1u);
  EXPECT_EQ(limits.hosts["kept"].max_requests, 9u);
}

TEST(TrafficConfigTest, NamesWhatItDoesNotUnderstand) {
  TrafficLimits limits;
  auto fails = [&](const char* text, const char* message) {
    return FailsWith(ParseTrafficLimits(text, "r.toml", limits),
                     ErrorCode::kInvalidArgument, message);
  };
  EXPECT_TRUE(fails("[host.x]\nrate = 1", "r.toml: host \"x\": rate"));
  EXPECT_TRUE(fails("[host.x]\nmax-requests = 0", "from 1 to 1000"));
  EXPECT_TRUE(fails("[host.x]\nlimit-rate = 5", "limit-rate: expected"));
  EXPECT_TRUE(fails("[hosts.x]\nmax-requests = 1", "hosts: expected"));
  EXPECT_TRUE(fails("\n[host", "r.toml: line 2"));
  EXPECT_TRUE(fails("host = 1", "r.toml: line 1"));
}

TEST(StallWatchTest, GivesUpASilence) {
  StallWatch watch({.idle = seconds(10)}, kStart);
  EXPECT_EQ(watch.Check(kStart + seconds(9), 0, false), "");
  EXPECT_EQ(watch.Check(kStart + seconds(10), 1, false), "");
  EXPECT_EQ(watch.Check(kStart + seconds(19), 1, false), "");
  EXPECT_EQ(watch.Check(kStart + seconds(20), 1, false),
            "no byte moved for 10 s");
}

TEST(StallWatchTest, GivesUpATrickle) {
  StallWatch watch({.idle = seconds(100),
                    .low_speed_bytes = 50,
                    .low_speed_time = seconds(10)},
                   kStart);
  uint64_t moved = 0;
  for (int second = 1; second <= 10; ++second) {
    moved += 100;
    EXPECT_EQ(watch.Check(kStart + seconds(second), moved, false), "");
  }
  for (int second = 11; second < 20; ++second) {
    EXPECT_EQ(watch.Check(kStart + seconds(second), ++moved, false), "");
  }
  EXPECT_EQ(watch.Check(kStart + seconds(20), ++moved, false),
            "only 10 bytes moved in 10 s");
}

TEST(StallWatchTest, WaitsLongerForTheAnswerToAnUpload) {
  StallWatch watch({.idle = seconds(10), .answer = seconds(60)}, kStart);
  EXPECT_EQ(watch.Check(kStart + seconds(1), 1000, true), "");
  EXPECT_EQ(watch.Check(kStart + seconds(60), 1000, true), "");
  EXPECT_EQ(watch.Check(kStart + seconds(61), 1000, true),
            "no answer for 60 s");
}

TEST(StallWatchTest, LeavesOutWhatOurSideTakes) {
  StallWatch watch({.idle = seconds(10)}, kStart);
  watch.Exclude(seconds(100));
  EXPECT_EQ(watch.Check(kStart + seconds(109), 0, false), "");
  EXPECT_NE(watch.Check(kStart + seconds(110), 0, false), "");
}

}  // namespace
}  // namespace strake::registry
