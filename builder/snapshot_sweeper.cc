#include "builder/snapshot_sweeper.h"

#include <cstddef>
#include <utility>

#include "util/thread.h"

namespace strake::builder {
namespace {

// What is made faster than it is removed must not pile up.
constexpr size_t kMostWaiting = 32;

}  // namespace

SnapshotSweeper::~SnapshotSweeper() {
  state_.lock()->ending = true;
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SnapshotSweeper::Take(std::unique_ptr<snapshot::ActiveSnapshot> snapshot) {
  if (!snapshot) return;
  {
    auto state = state_.lock();
    if (!state->started) {
      // Without a thread, whoever gives removes.
      auto thread = StartThread([this] { Sweep(); });
      if (!thread) return;
      thread_ = *std::move(thread);
      state->started = true;
    }
    if (state->waiting.size() < kMostWaiting) {
      state->waiting.push_back(std::move(snapshot));
    }
  }
  changed_.notify_all();
}

void SnapshotSweeper::Sweep() {
  while (true) {
    std::unique_ptr<snapshot::ActiveSnapshot> next;
    {
      auto state = state_.lock();
      state.Wait(changed_, [](const State& current) {
        return !current.waiting.empty() || current.ending;
      });
      if (state->waiting.empty()) return;
      next = std::move(state->waiting.front());
      state->waiting.pop_front();
    }
    // Removed here, where nobody waits for it.
    next.reset();
  }
}

}  // namespace strake::builder
