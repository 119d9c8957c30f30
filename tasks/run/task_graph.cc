#include "tasks/run/task_graph.h"

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "util/thread.h"

namespace strake::tasks::run {
namespace {

class Graph {
 public:
  Graph(const std::vector<std::vector<size_t>>& after,
        const std::function<Status(size_t, std::stop_token)>& run)
      : run_(run), missing_(after.size()), next_(after.size()) {
    for (size_t step = 0; step < after.size(); ++step) {
      missing_[step] = after[step].size();
      for (size_t before : after[step]) next_[before].push_back(step);
    }
  }

  std::optional<StepFailure> Run(std::stop_token stop) {
    std::stop_callback forward(std::move(stop),
                               [this] { stop_.request_stop(); });
    {
      std::unique_lock lock(mutex_);
      for (size_t step = 0; step < missing_.size(); ++step) {
        if (missing_[step] == 0) Start(step);
      }
      ended_.wait(lock, [this] { return running_ == 0; });
    }
    for (std::thread& thread : threads_) thread.join();
    return std::move(failure_);
  }

 private:
  // REQUIRES: `mutex_` is held.
  void Start(size_t step) {
    if (stop_.stop_requested()) return;
    auto thread = StartThread([this, step] {
      Status done = run_(step, stop_.get_token());
      End(step, std::move(done));
    });
    if (!thread) {
      Fail(step, std::move(thread).error());
      return;
    }
    ++running_;
    threads_.push_back(*std::move(thread));
  }

  void End(size_t step, Status done) {
    std::lock_guard lock(mutex_);
    if (done) {
      for (size_t next : next_[step]) {
        if (--missing_[next] == 0) Start(next);
      }
    } else {
      Fail(step, std::move(done).error());
    }
    --running_;
    if (running_ == 0) ended_.notify_all();
  }

  // REQUIRES: `mutex_` is held.
  void Fail(size_t step, Error error) {
    if (!failure_) failure_ = StepFailure{step, std::move(error)};
    stop_.request_stop();
  }

  const std::function<Status(size_t, std::stop_token)>& run_;
  std::vector<size_t> missing_;            // how many have still to end
  std::vector<std::vector<size_t>> next_;  // who waits for it
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::list<std::thread> threads_;
  size_t running_ = 0;
  std::optional<StepFailure> failure_;
};

}  // namespace

std::optional<StepFailure> RunGraph(
    const std::vector<std::vector<size_t>>& after,
    const std::function<Status(size_t, std::stop_token)>& run,
    std::stop_token stop) {
  return Graph(after, run).Run(std::move(stop));
}

}  // namespace strake::tasks::run
