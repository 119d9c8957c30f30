// Time as a parameter: what waits or stamps takes a `Clock`, so that tests
// need not wait.

#ifndef STRAKE_UTIL_CLOCK_H_
#define STRAKE_UTIL_CLOCK_H_

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace strake {

// Safe to call from any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  // Time of day.
  virtual std::chrono::system_clock::time_point Now() = 0;
  // For measuring; never goes back.
  virtual std::chrono::steady_clock::time_point SteadyNow() = 0;
  // Returns after `duration`, or at once with false when `stop` is requested.
  virtual bool Wait(std::chrono::nanoseconds duration,
                    std::stop_token stop) = 0;
};

class SystemClock final : public Clock {
 public:
  std::chrono::system_clock::time_point Now() override {
    return std::chrono::system_clock::now();
  }
  std::chrono::steady_clock::time_point SteadyNow() override {
    return std::chrono::steady_clock::now();
  }
  bool Wait(std::chrono::nanoseconds duration, std::stop_token stop) override {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, duration, [] { return false; });
    return !stop.stop_requested();
  }
};

}  // namespace strake

#endif  // STRAKE_UTIL_CLOCK_H_
