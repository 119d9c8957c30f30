// A value that is computed once, by whoever asks first, while all others wait.

#ifndef STRAKE_BUILDER_SOLVE_MEMO_H_
#define STRAKE_BUILDER_SOLVE_MEMO_H_

#include <condition_variable>
#include <mutex>
#include <optional>

#include "util/result.h"

namespace strake::builder::solve {

template <typename T>
class Memo {
 public:
  Memo() = default;
  Memo(const Memo&) = delete;
  Memo& operator=(const Memo&) = delete;

  // The value of the first call's `compute`. Computations that ask for each
  // other in a circle would wait for ever: a build graph has no circles.
  template <typename Compute>
  Result<T> Get(Compute&& compute) {
    std::unique_lock lock(mutex_);
    if (!started_) {
      started_ = true;
      lock.unlock();
      Result<T> value = compute();
      lock.lock();
      value_.emplace(std::move(value));
      done_.notify_all();
      return *value_;
    }
    done_.wait(lock, [this] { return value_.has_value(); });
    return *value_;
  }

  // The value where there is one by now; does not wait.
  std::optional<Result<T>> Peek() {
    std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  bool started_ = false;
  std::optional<Result<T>> value_;
};

}  // namespace strake::builder::solve

#endif  // STRAKE_BUILDER_SOLVE_MEMO_H_
