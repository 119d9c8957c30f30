// A stop token with a time limit of its own.

#ifndef STRAKE_TASKS_RUN_DEADLINE_H_
#define STRAKE_TASKS_RUN_DEADLINE_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "util/result.h"
#include "util/thread.h"

namespace strake::tasks::run {

// Its token stops when `outer` does, or when `limit` has passed since it was
// made, whichever comes first.
class Deadline {
 public:
  //   limit  zero: none
  // `kIo` where the system has no thread for it.
  static Result<std::unique_ptr<Deadline>> Make(std::chrono::nanoseconds limit,
                                                std::stop_token outer) {
    std::unique_ptr<Deadline> deadline(new Deadline(std::move(outer)));
    if (limit == limit.zero()) return deadline;
    auto watch =
        StartThread([self = deadline.get(), limit] { self->Watch(limit); });
    if (!watch) return std::move(watch).error();
    deadline->watch_ = *std::move(watch);
    return deadline;
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() {
    ended_.request_stop();
    if (watch_.joinable()) watch_.join();
  }

  std::stop_token token() const { return source_.get_token(); }
  // Whether it was the time that stopped it.
  bool passed() const { return passed_; }

 private:
  explicit Deadline(std::stop_token outer)
      : forward_(std::move(outer), [this] { source_.request_stop(); }) {}

  void Watch(std::chrono::nanoseconds limit) {
    const std::stop_token ended = ended_.get_token();
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, ended, limit, [] { return false; });
    if (ended.stop_requested() || source_.stop_requested()) return;
    passed_ = true;
    source_.request_stop();
  }

  std::stop_source source_;
  std::stop_source ended_;
  std::atomic<bool> passed_ = false;
  std::stop_callback<std::function<void()>> forward_;
  std::thread watch_;
};

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_DEADLINE_H_
