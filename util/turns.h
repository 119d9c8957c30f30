// One at a time for each key: of several who want the same thing made, the
// first makes it, and the others find it there when it is their turn.

#ifndef STRAKE_UTIL_TURNS_H_
#define STRAKE_UTIL_TURNS_H_

#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

namespace strake {

// Thread-safe; outlives its turns.
class Turns {
 public:
  class Turn {
   public:
    Turn(Turn&& other) noexcept
        : turns_(std::exchange(other.turns_, nullptr)),
          key_(std::move(other.key_)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (turns_ != nullptr) turns_->End(key_);
    }

   private:
    friend class Turns;
    Turn(Turns* turns, std::string key) : turns_(turns), key_(std::move(key)) {}

    Turns* turns_;
    std::string key_;
  };

  Turns() = default;
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // Waits until nobody has the turn of `key`. Nothing: `stop` was requested
  // before that.
  std::optional<Turn> Take(const std::string& key,
                           const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!ended_.wait(lock, stop, [&] { return !taken_.contains(key); })) {
      return std::nullopt;
    }
    taken_.insert(key);
    return Turn(this, key);
  }

 private:
  void End(const std::string& key) {
    {
      std::lock_guard lock(mutex_);
      taken_.erase(key);
    }
    ended_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable_any ended_;
  std::set<std::string> taken_;
};

}  // namespace strake

#endif  // STRAKE_UTIL_TURNS_H_
