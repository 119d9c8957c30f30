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

std::vector<int> ProcessorSet::Numbers() const {
  std::vector<int> numbers;
  for (size_t word = 0; word < words_; ++word) {
    for (int bit = 0; bit < kWordBits; ++bit) {
      if ((mask_[word] >> bit & 1) == 0) continue;
      numbers.push_back(static_cast<int>(word) * kWordBits + bit);
    }
  }
  return numbers;
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

Placement::Placement(int listener, size_t workers)
    : listener_(listener),
      workers_(workers),
      all_(ProcessorSet::Of(0)),
      processors_(all_.Numbers()) {
  ioctl(listener_, kSetFlags, kSyncWakeUp);
}

void Placement::Note(Worker& worker, pid_t thread) {
  if (processors_.size() < 2) return;
  Count(thread);
  const bool spread = is_spread_.load(kRelaxed);
  if (spread != worker.is_spread) Place(worker, spread);
}

void Placement::Count(pid_t thread) {
  if (last_.exchange(thread, kRelaxed) != thread) turns_.fetch_add(1, kRelaxed);
  if (calls_.fetch_add(1, kRelaxed) % kWindow != kWindow - 1) return;
  const unsigned turns = turns_.exchange(0, kRelaxed);
  const bool was = is_spread_.load(kRelaxed);
  const bool is = turns >= (was ? kFewTurns : kManyTurns);
  if (is == was) return;
  is_spread_.store(is, kRelaxed);
  ioctl(listener_, kSetFlags, is ? uint64_t{0} : kSyncWakeUp);
}

// Without a processor for each, the kernel looks for idle ones.
void Placement::Place(Worker& worker, bool spread) const {
  worker.is_spread = spread;
  if (workers_ < processors_.size()) return;
  const int own = processors_[worker.index % processors_.size()];
  (spread ? ProcessorSet::Only(own) : all_).Give(0);
}

}  // namespace strake::builder::sandbox::notify
