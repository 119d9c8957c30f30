#include "builder/sandbox/notify/placement.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdint>

namespace strake::builder::sandbox::notify {
namespace {

// Newer than Debian 12's kernel headers.
constexpr unsigned long kSetFlags = _IOW('!', 4, uint64_t);  // Linux 6.6
constexpr uint64_t kSyncWakeUp = 1;

// A shell that starts one program after the other changes threads every tenth
// call or so; two compilers by turns, every other.
constexpr unsigned kWindow = 256;
constexpr unsigned kManyTurns = kWindow / 4;
constexpr unsigned kFewTurns = kWindow / 8;

// So many workers wait at once where calls are not made by turns: should an
// answer take its time, another call need not wait for it.
constexpr unsigned kAtOnce = 2;

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr int kWordBits = sizeof(unsigned long) * CHAR_BIT;

}  // namespace

ProcessorSet ProcessorSet::Of(pid_t thread) {
  ProcessorSet set;
  const long bytes =
      syscall(SYS_sched_getaffinity, thread, sizeof(set.mask_), set.mask_);
  if (bytes > 0) set.words_ = static_cast<size_t>(bytes) / sizeof(long);
  return set;
}

ProcessorSet ProcessorSet::Only(int processor) {
  ProcessorSet set;
  const auto word = static_cast<size_t>(processor / kWordBits);
  if (processor < 0 || word >= kWords) return set;
  set.words_ = word + 1;
  set.mask_[word] = 1UL << (processor % kWordBits);
  return set;
}

bool ProcessorSet::Give(pid_t thread) const {
  return words_ != 0 && syscall(SYS_sched_setaffinity, thread,
                                words_ * sizeof(long), mask_) == 0;
}

OnOneProcessor::OnOneProcessor(pid_t thread) : thread_(thread) {
  own_ = ProcessorSet::Of(0);
  theirs_ = ProcessorSet::Of(thread);
  const ProcessorSet here = ProcessorSet::Only(sched_getcpu());
  stays_ = here.Give(0);
  holds_ = stays_ && here.Give(thread);
}

OnOneProcessor::~OnOneProcessor() {
  LetGo();
  if (stays_) own_.Give(0);
}

void OnOneProcessor::LetGo() {
  if (holds_) theirs_.Give(thread_);
  holds_ = false;
}

Placement::Placement(int listener) { ioctl(listener, kSetFlags, kSyncWakeUp); }

std::unique_lock<std::mutex> Placement::AwaitTurn(unsigned worker) {
  if (worker >= kAtOnce && !by_turns_.load(kRelaxed)) {
    std::unique_lock lock(mutex_);
    by_turns_now_.wait(lock, [this] { return by_turns_.load(kRelaxed); });
  }
  if (!by_turns_.load(kRelaxed)) return {};
  return std::unique_lock(waiting_);
}

void Placement::Note(pid_t thread) {
  if (last_.exchange(thread, kRelaxed) != thread) turns_.fetch_add(1, kRelaxed);
  if (calls_.fetch_add(1, kRelaxed) % kWindow != kWindow - 1) return;
  const unsigned turns = turns_.exchange(0, kRelaxed);
  const bool was = by_turns_.load(kRelaxed);
  const bool is = turns >= (was ? kFewTurns : kManyTurns);
  if (is == was) return;
  const std::lock_guard lock(mutex_);
  by_turns_.store(is, kRelaxed);
  by_turns_now_.notify_all();
}

}  // namespace strake::builder::sandbox::notify
