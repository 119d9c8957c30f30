// A value that can be reached only while its lock is held.
//
//   Guarded<State> state_;
//   state_.lock()->ready.push_back(vertex);
//
// Never keep the returned handle across I/O, a callback or a wait for another
// task; `Wait` is the one way to block under it.

#ifndef STRAKE_UTIL_GUARDED_H_
#define STRAKE_UTIL_GUARDED_H_

#include <condition_variable>
#include <mutex>
#include <utility>

namespace strake {

template <typename T>
class Guarded {
 public:
  class Handle {
   public:
    Handle(std::mutex& mutex, T& value) : lock_(mutex), value_(&value) {}
    T* operator->() { return value_; }
    T& operator*() { return *value_; }

    // Releases the lock until `ready(value)` holds; `changed` must be notified
    // by whoever makes it hold.
    template <typename Predicate>
    void Wait(std::condition_variable& changed, Predicate ready) {
      changed.wait(lock_, [&] { return ready(*value_); });
    }

   private:
    std::unique_lock<std::mutex> lock_;
    T* value_;
  };

  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  Handle lock() { return Handle(mutex_, value_); }

 private:
  std::mutex mutex_;
  T value_{};
};

}  // namespace strake

#endif  // STRAKE_UTIL_GUARDED_H_
