#include "util/clock.h"

#include <gtest/gtest.h>

#include <thread>

namespace strake {
namespace {

using namespace std::chrono_literals;

TEST(SystemClockTest, WaitsAsLongAsAsked) {
  SystemClock clock;
  auto start = clock.SteadyNow();
  EXPECT_TRUE(clock.Wait(20ms, {}));
  EXPECT_GE(clock.SteadyNow() - start, 20ms);
}

TEST(SystemClockTest, StopsWaitingWhenAskedTo) {
  SystemClock clock;
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  auto start = clock.SteadyNow();
  EXPECT_FALSE(clock.Wait(1h, stop.get_token()));
  EXPECT_LT(clock.SteadyNow() - start, 10s);
}

}  // namespace
}  // namespace strake
