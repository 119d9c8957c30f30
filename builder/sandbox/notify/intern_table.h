// Values that labels name by number: equal values have the same number, and a
// number stays good for ever. Thread-safe.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_INTERN_TABLE_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_INTERN_TABLE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace strake::builder::sandbox::notify {

template <typename T>
class InternTable {
 public:
  // Number 0 is `first`.
  explicit InternTable(T first) { Intern(std::move(first)); }

  uint32_t Intern(T value) {
    {
      std::shared_lock lock(mutex_);
      auto found = numbers_.find(value);
      if (found != numbers_.end()) return found->second;
    }
    std::unique_lock lock(mutex_);
    auto [at, inserted] =
        numbers_.try_emplace(value, static_cast<uint32_t>(values_.size()));
    if (inserted) {
      has_one_ = values_.empty();
      values_.push_back(std::move(value));
    }
    return at->second;
  }

  // The reference stays good.
  const T& Get(uint32_t number) const {
    std::shared_lock lock(mutex_);
    return values_[number < values_.size() ? number : 0];
  }

  // Whether number 0 is all there is: what has a label has that one.
  bool has_one() const { return has_one_; }

 private:
  std::atomic<bool> has_one_ = false;
  mutable std::shared_mutex mutex_;
  std::deque<T> values_;
  std::map<T, uint32_t> numbers_;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_INTERN_TABLE_H_
