// Concurrency of a bounded number of threads, which may be refused.

#ifndef STRAKE_BUILDER_SOLVE_FORKS_H_
#define STRAKE_BUILDER_SOLVE_FORKS_H_

#include <atomic>
#include <future>
#include <system_error>
#include <type_traits>

namespace strake::builder::solve {

// Safe to use from any thread, the work that it started included. Outlives all
// its futures.
class Forks {
 public:
  explicit Forks(int max_threads) : free_(max_threads) {}
  Forks(const Forks&) = delete;
  Forks& operator=(const Forks&) = delete;

  // `work` on a thread of its own; where all threads are taken, or the system
  // has none, it is done by whoever asks the future for its result.
  template <typename Work>
  auto Start(Work work) -> std::future<std::invoke_result_t<Work>> {
    if (Take()) {
      try {
        return std::async(std::launch::async, [this, work] {
          Returned returned(free_);
          return work();
        });
      } catch (const std::system_error&) {
        free_.fetch_add(1);
      }
    }
    return std::async(std::launch::deferred, work);
  }

 private:
  struct Returned {
    explicit Returned(std::atomic<int>& free) : free_(free) {}
    Returned(const Returned&) = delete;
    Returned& operator=(const Returned&) = delete;
    ~Returned() { free_.fetch_add(1); }
    std::atomic<int>& free_;
  };

  bool Take() {
    if (free_.fetch_sub(1) > 0) return true;
    free_.fetch_add(1);
    return false;
  }

  std::atomic<int> free_;
};

}  // namespace strake::builder::solve

#endif  // STRAKE_BUILDER_SOLVE_FORKS_H_
