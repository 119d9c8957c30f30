#include "registry/retry.h"

#include <time.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <string>

#include "util/strings.h"

namespace strake::registry {

bool IsRetryableStatus(int status) {
  if (status == 408 || status == 429) return true;
  return status >= 500 && status != 501 && status != 505;
}

std::chrono::milliseconds BackoffDelay(const RetryPolicy& policy, int retry) {
  auto delay = policy.initial_delay;
  for (int i = 1; i < retry && delay < policy.max_delay; ++i) delay *= 2;
  delay = std::min(delay, policy.max_delay);
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<int64_t> jitter(0, delay.count() / 2);
  return delay - std::chrono::milliseconds(jitter(random));
}

std::optional<std::chrono::system_clock::time_point> ParseHttpDate(
    std::string_view value) {
  // The C locale's names are the protocol's, too, and strake never calls
  // setlocale.
  tm parts{};
  std::string text(Trim(value));
  const char* end =
      ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return {};
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::optional<std::chrono::seconds> ParseRetryAfter(
    std::string_view value, std::chrono::system_clock::time_point now) {
  if (auto seconds = ParseUint(Trim(value))) {
    constexpr uint64_t kYear = 31'536'000;
    return std::chrono::seconds(std::min(*seconds, kYear));
  }
  auto date = ParseHttpDate(value);
  if (!date) return {};
  auto wait = std::chrono::ceil<std::chrono::seconds>(*date - now);
  return std::max(wait, std::chrono::seconds(0));
}

bool WaitFor(std::chrono::milliseconds delay, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  return !changed.wait_for(lock, stop, delay,
                           [&] { return stop.stop_requested(); });
}

bool RetryBudget::Take() {
  int left = left_;
  while (left > 0) {
    if (left_.compare_exchange_weak(left, left - 1)) return true;
  }
  return false;
}

bool Retries::WaitForNext(std::optional<std::chrono::seconds> retry_after) {
  if (used_ >= policy_.max_retries || stop_.stop_requested()) return false;
  if (retry_after && *retry_after > policy_.max_retry_after) return false;
  if (budget_ != nullptr && !budget_->Take()) {
    budget_spent_ = true;
    return false;
  }
  ++used_;
  std::chrono::milliseconds delay = BackoffDelay(policy_, used_);
  if (retry_after) {
    delay = std::max<std::chrono::milliseconds>(delay, *retry_after);
  }
  return WaitFor(delay, stop_);
}

void Retries::Restart() {
  if (budget_ != nullptr) budget_->GiveBack(used_);
  used_ = 0;
}

std::string Retries::Note() const {
  if (!budget_spent_) return "";
  return " (no further try: the " + std::to_string(budget_->total()) +
         " of all transfers together are used up)";
}

}  // namespace strake::registry
