#include "builder/solve/forks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

namespace strake::builder::solve {
namespace {

TEST(ForksTest, BoundsItsThreadsAndDoesAllWork) {
  Forks forks(3);
  std::atomic<int> running = 0, most = 0, done = 0;
  std::vector<std::future<int>> futures;
  auto asker = std::this_thread::get_id();
  for (int i = 0; i < 40; ++i) {
    futures.push_back(forks.Start([&, i] {
      if (std::this_thread::get_id() != asker) {
        int now = ++running;
        int seen = most;
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        --running;
      }
      ++done;
      return i;
    }));
  }
  for (int i = 0; i < 40; ++i) EXPECT_EQ(futures[i].get(), i);
  EXPECT_EQ(done, 40);
  EXPECT_GE(most, 1);
  EXPECT_LE(most, 3);
}

TEST(ForksTest, WorkMayStartMore) {
  Forks forks(2);
  struct Tree {
    Forks& forks;
    int Sum(int depth) const {
      if (depth == 0) return 1;
      auto left = forks.Start([this, depth] { return Sum(depth - 1); });
      auto right = forks.Start([this, depth] { return Sum(depth - 1); });
      return left.get() + right.get();
    }
  };
  EXPECT_EQ((Tree{forks}).Sum(8), 256);
}

TEST(ForksTest, WorksWithoutThreads) {
  Forks forks(0);
  auto asker = std::this_thread::get_id();
  EXPECT_EQ(forks.Start([] { return std::this_thread::get_id(); }).get(),
            asker);
}

}  // namespace
}  // namespace strake::builder::solve
