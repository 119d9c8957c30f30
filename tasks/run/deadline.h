// A stop token with a time limit of its own.

#ifndef STRAKE_TASKS_RUN_DEADLINE_H_
#define STRAKE_TASKS_RUN_DEADLINE_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace strake::tasks::run {

// Its token stops when `outer` does, or when `limit` has passed since it was
// made, whichever comes first.
class Deadline {
 public:
  //   limit  zero: none
  Deadline(std::chrono::nanoseconds limit, std::stop_token outer)
      : forward_(std::move(outer), [this] { source_.request_stop(); }) {
    if (limit == limit.zero()) return;
    watch_ = std::jthread([this, limit](const std::stop_token& ended) {
      std::mutex mutex;
      std::condition_variable_any never;
      std::unique_lock lock(mutex);
      never.wait_for(lock, ended, limit, [] { return false; });
      if (ended.stop_requested() || source_.stop_requested()) return;
      passed_ = true;
      source_.request_stop();
    });
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  // Whether it was the time that stopped it.
  bool passed() const { return passed_; }

 private:
  std::stop_source source_;
  std::atomic<bool> passed_ = false;
  std::stop_callback<std::function<void()>> forward_;
  std::jthread watch_;
};

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_DEADLINE_H_
