#include "builder/solve/shared_steps.h"

#include <gtest/gtest.h>

#include <future>

namespace strake::builder::solve {
namespace {

TEST(SharedStepsTest, CarriesAStepOutOnceAndSharesItsFailure) {
  SharedSteps steps;
  int carried = 0;
  auto fail = [&]() -> Result<cache::CacheRecord> {
    ++carried;
    return Internal("it broke");
  };
  EXPECT_FALSE(steps.Once("key", fail));
  EXPECT_FALSE(steps.Once("key", fail));
  EXPECT_EQ(carried, 1);
}

TEST(SharedStepsTest, CarriesOutWhatWasStoppedElsewhere) {
  SharedSteps steps;
  std::promise<void> begun, stop;
  auto stopped = std::async(std::launch::async, [&] {
    return steps.Once("key", [&]() -> Result<cache::CacheRecord> {
      begun.set_value();
      stop.get_future().wait();
      return Cancelled("stopped");
    });
  });
  begun.get_future().wait();
  auto other = std::async(std::launch::async, [&] {
    return steps.Once("key", []() -> Result<cache::CacheRecord> {
      return cache::CacheRecord{"state", "", {}};
    });
  });
  stop.set_value();
  EXPECT_FALSE(stopped.get());
  auto record = other.get();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->snapshot, "state");
}

}  // namespace
}  // namespace strake::builder::solve
