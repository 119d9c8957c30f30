// A clock that tests move.

#ifndef STRAKE_TESTS_SUPPORT_MANUAL_CLOCK_H_
#define STRAKE_TESTS_SUPPORT_MANUAL_CLOCK_H_

#include <atomic>
#include <chrono>
#include <stop_token>

#include "util/clock.h"

namespace strake::testing {

// Waiting takes no time, and moves it. Thread-safe.
class ManualClock final : public Clock {
 public:
  std::chrono::system_clock::time_point Now() override {
    return std::chrono::system_clock::time_point(Sum());
  }
  std::chrono::steady_clock::time_point SteadyNow() override {
    return std::chrono::steady_clock::time_point(Sum());
  }
  bool Wait(std::chrono::nanoseconds duration, std::stop_token stop) override {
    Advance(duration);
    return !stop.stop_requested();
  }
  void Advance(std::chrono::nanoseconds duration) {
    since_start_ += duration.count();
  }

 private:
  std::chrono::nanoseconds Sum() const {
    return std::chrono::hours(500000) +
           std::chrono::nanoseconds(since_start_.load());
  }
  std::atomic<int64_t> since_start_{0};
};

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_MANUAL_CLOCK_H_
