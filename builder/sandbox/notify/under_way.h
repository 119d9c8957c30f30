// Descriptors that were sent to a caller and that we have not closed yet.
//
// The kernel wakes the caller before we can close our copy, so for a moment an
// open file has one owner more than the programs know. Few calls can tell: a
// lock that should have gone with the last descriptor, a program that is open
// for writing. Those wait here until all that was sent before is closed, which
// costs the many others nothing.
//
// Thread-safe.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_UNDER_WAY_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_UNDER_WAY_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>

namespace strake::builder::sandbox::notify {

class UnderWay {
 public:
  // Lives from before a descriptor is sent until ours is closed.
  class Sending {
   public:
    explicit Sending(UnderWay& all) : all_(all), number_(all.Begin()) {}
    Sending(const Sending&) = delete;
    Sending& operator=(const Sending&) = delete;
    ~Sending() { all_.End(number_); }

   private:
    UnderWay& all_;
    const uint64_t number_;
  };

  // Returns once all `Sending`s that live now are gone.
  // REQUIRES: the calling thread has none.
  void WaitForEarlier() {
    std::unique_lock lock(mutex_);
    const uint64_t now = next_;
    ended_.wait(lock,
                [&] { return numbers_.empty() || *numbers_.begin() >= now; });
  }

 private:
  uint64_t Begin() {
    const std::lock_guard lock(mutex_);
    numbers_.insert(numbers_.end(), next_);
    return next_++;
  }
  void End(uint64_t number) {
    {
      const std::lock_guard lock(mutex_);
      numbers_.erase(number);
    }
    ended_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  std::set<uint64_t> numbers_;
  uint64_t next_ = 0;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_UNDER_WAY_H_
