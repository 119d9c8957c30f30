#include "builder/solve/memo.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

namespace strake::builder::solve {
namespace {

TEST(MemoTest, ComputesOnceWhoeverAsks) {
  Memo<int> memo;
  std::atomic<int> computed = 0, right = 0;
  std::latch start(8);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        auto value = memo.Get([&]() -> Result<int> {
          ++computed;
          std::this_thread::yield();
          return 42;
        });
        if (value && *value == 42) ++right;
      });
    }
  }
  EXPECT_EQ(computed, 1);
  EXPECT_EQ(right, 8);
}

TEST(MemoTest, RemembersFailureToo) {
  Memo<int> memo;
  int computed = 0;
  auto compute = [&]() -> Result<int> {
    ++computed;
    return NotFound("gone");
  };
  EXPECT_FALSE(memo.Get(compute));
  auto again = memo.Get(compute);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message(), "gone");
  EXPECT_EQ(computed, 1);
}

}  // namespace
}  // namespace strake::builder::solve
