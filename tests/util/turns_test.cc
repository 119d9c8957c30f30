#include "util/turns.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

namespace strake {
namespace {

TEST(TurnsTest, LetsOneAtATimeHaveAKey) {
  Turns turns;
  std::atomic<int> inside = 0;
  std::atomic<bool> alone = true;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < 100; ++round) {
          const auto turn = turns.Take("key", {});
          if (!turn || ++inside != 1) alone = false;
          std::this_thread::yield();
          --inside;
        }
      });
    }
  }
  EXPECT_TRUE(alone);
}

TEST(TurnsTest, KeepsKeysApart) {
  Turns turns;
  const auto one = turns.Take("one", {});
  EXPECT_TRUE(turns.Take("two", {}));
}

TEST(TurnsTest, GivesUpWhenStopped) {
  Turns turns;
  const auto held = turns.Take("key", {});
  std::stop_source source;
  std::optional<bool> got;
  {
    const std::jthread waiting(
        [&] { got = turns.Take("key", source.get_token()).has_value(); });
    source.request_stop();
  }
  EXPECT_EQ(got, false);
}

}  // namespace
}  // namespace strake
