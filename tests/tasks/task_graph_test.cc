#include "tasks/run/task_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "util/guarded.h"

namespace strake::tasks::run {
namespace {

using After = std::vector<std::vector<size_t>>;

TEST(TaskGraphTest, RunsEachStepOnceAndAfterThoseBefore) {
  // Many steps with two parents that end at once.
  After after = {{}, {}};
  for (size_t i = 0; i < 100; ++i) {
    after.push_back({0, 1});
    after.push_back({after.size() - 1});
  }
  Guarded<std::vector<size_t>> order;
  auto failure = RunGraph(after,
                          [&](size_t step, std::stop_token) -> Status {
                            order.lock()->push_back(step);
                            return {};
                          },
                          {});
  EXPECT_FALSE(failure);
  const std::vector<size_t> ran = *order.lock();
  ASSERT_EQ(ran.size(), after.size());
  auto place = [&](size_t step) {
    return std::ranges::find(ran, step) - ran.begin();
  };
  for (size_t step = 0; step < after.size(); ++step) {
    for (size_t before : after[step]) EXPECT_LT(place(before), place(step));
  }
}

TEST(TaskGraphTest, StepsThatWaitForEachOtherRunAtOnce) {
  std::mutex mutex;
  std::condition_variable arrived;
  int count = 0;
  auto failure = RunGraph(After(20),
                          [&](size_t, std::stop_token) -> Status {
                            std::unique_lock lock(mutex);
                            if (++count == 20) arrived.notify_all();
                            arrived.wait(lock, [&] { return count == 20; });
                            return {};
                          },
                          {});
  EXPECT_FALSE(failure);
}

TEST(TaskGraphTest, AFailureStopsTheRestAndIsReturned) {
  std::atomic<bool> child = false, stopped = false;
  auto failure = RunGraph({{}, {}, {0}},
                          [&](size_t step, std::stop_token stop) -> Status {
                            if (step == 0) return IoError("broken");
                            if (step == 2) child = true;
                            std::mutex mutex;
                            std::condition_variable_any never;
                            std::unique_lock lock(mutex);
                            never.wait(lock, stop, [] { return false; });
                            stopped = stop.stop_requested();
                            return Cancelled("stopped");
                          },
                          {});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->step, 0u);
  EXPECT_EQ(failure->error.message(), "broken");
  EXPECT_TRUE(stopped);
  EXPECT_FALSE(child);
}

TEST(TaskGraphTest, NothingBeginsOnceItIsStopped) {
  std::stop_source source;
  std::atomic<int> ran = 0;
  auto failure = RunGraph(
      {{}, {0}, {1}},
      [&](size_t step, std::stop_token) -> Status {
        ++ran;
        if (step == 1) source.request_stop();
        return {};
      },
      source.get_token());
  EXPECT_FALSE(failure);
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace strake::tasks::run
