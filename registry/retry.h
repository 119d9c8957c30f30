// Which failures are worth another try, and how long to wait for it.

#ifndef STRAKE_REGISTRY_RETRY_H_
#define STRAKE_REGISTRY_RETRY_H_

#include <atomic>
#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace strake::registry {

struct RetryPolicy {
  // Further tries after the first. A transfer that moved forward since its
  // last failure counts anew.
  int max_retries = 4;
  // The first pause; each following one is twice as long, up to `max_delay`,
  // and each is shortened by up to half at random, so that many clients which
  // failed together do not come back together.
  std::chrono::milliseconds initial_delay{250};
  std::chrono::milliseconds max_delay{10'000};
  // A `Retry-After` beyond this is reported instead of waited for.
  std::chrono::seconds max_retry_after{120};
  // Tries after the first that all operations of one client may make together
  // without moving forward: a registry that is out of order is noticed once,
  // not anew by each of a hundred blobs.
  int budget = 100;
};

// 408, 429 and 5xx but 501 and 505: the other side may do better next time.
bool IsRetryableStatus(int status);

// The pause before try number `retry` (from 1).
std::chrono::milliseconds BackoffDelay(const RetryPolicy& policy, int retry);

// "Sun, 06 Nov 1994 08:49:37 GMT"; nothing where it is not of this form.
std::optional<std::chrono::system_clock::time_point> ParseHttpDate(
    std::string_view value);

// The value of a `Retry-After` header (seconds or an HTTP date); nothing where
// it is neither. A date in the past is zero.
std::optional<std::chrono::seconds> ParseRetryAfter(
    std::string_view value, std::chrono::system_clock::time_point now =
                                std::chrono::system_clock::now());

// Waits for `delay`; false as soon as `stop` is requested.
bool WaitFor(std::chrono::milliseconds delay, std::stop_token stop);

// What is left of `RetryPolicy::budget`. Thread-safe.
class RetryBudget {
 public:
  explicit RetryBudget(int retries) : total_(retries), left_(retries) {}

  // False where nothing is left.
  bool Take();
  // The tries were worth it.
  void GiveBack(int retries) { left_ += retries; }
  int total() const { return total_; }

 private:
  const int total_;
  std::atomic<int> left_;
};

// The tries of one operation.
class Retries {
 public:
  // `budget` is borrowed; null: there is none.
  Retries(const RetryPolicy& policy, RetryBudget* budget, std::stop_token stop)
      : policy_(policy), budget_(budget), stop_(std::move(stop)) {}

  // Waits until the next try is due and returns true, or returns false where
  // there is none: all used up, `stop` requested, or `retry_after` (what the
  // other side asked for) longer than we wait.
  bool WaitForNext(std::optional<std::chrono::seconds> retry_after = {});
  // The operation moved forward since its last failure: counts anew.
  void Restart();
  // For the end of a message: " (no further try: ...)" where only the budget
  // stood in the way, or "".
  std::string Note() const;

 private:
  RetryPolicy policy_;
  RetryBudget* budget_;
  std::stop_token stop_;
  int used_ = 0;
  bool budget_spent_ = false;
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_RETRY_H_
