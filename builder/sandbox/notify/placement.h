// Which processors the supervisor's threads and a step's share.
//
// A call and its answer are two changes from one process to another. On one
// processor these cost 2 microseconds; where the other process has to be woken
// on an idle processor, ten times as much. The kernel keeps both sides of a
// notification together when it is asked to
// (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, Linux 6.6), but neither when a
// descriptor is added nor for ptrace(2); and where a step's processes run side
// by side, it leaves them all on one processor.
//
// Nothing here can fail in a way that matters: it is only about speed.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_PLACEMENT_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_PLACEMENT_H_

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <vector>

namespace strake::builder::sandbox::notify {

// The processors that a thread may run on, as sched_getaffinity(2) has them.
class ProcessorSet {
 public:
  ProcessorSet() = default;  // none
  static ProcessorSet Of(pid_t thread);
  static ProcessorSet Only(int processor);

  bool Give(pid_t thread) const;  // false: the kernel refused
  std::vector<int> Numbers() const;

 private:
  static constexpr size_t kWords = 128;  // 8192 processors
  size_t words_ = 0;
  unsigned long mask_[kWords] = {};
};

// Keeps the calling thread and `thread`, which waits for its answer, on the
// processor where the call was received.
class OnOneProcessor {
 public:
  explicit OnOneProcessor(pid_t thread);
  OnOneProcessor(const OnOneProcessor&) = delete;
  OnOneProcessor& operator=(const OnOneProcessor&) = delete;
  ~OnOneProcessor();

  // Before its answer is sent, so that it never sees where it was kept.
  void LetGo();

 private:
  const pid_t thread_;
  bool stays_ = false;  // this thread
  bool holds_ = false;  // the other
  ProcessorSet own_;
  ProcessorSet theirs_;
};

// Where a step's threads make calls by turns, gives each worker a processor of
// its own. Else the workers go where the calls are.
//
// Thread-safe.
class Placement {
 public:
  // One of the supervisor's threads; used by it alone.
  struct Worker {
    size_t index = 0;  // counted from 0
    bool is_spread = false;
  };

  // Sets the flags of `listener`, which is borrowed, from now on.
  Placement(int listener, size_t workers);

  // `worker`, the calling thread, has received a call of `thread`.
  void Note(Worker& worker, pid_t thread);

 private:
  void Count(pid_t thread);
  void Place(Worker& worker, bool spread) const;

  const int listener_;
  const size_t workers_;
  const ProcessorSet all_;
  const std::vector<int> processors_;
  std::atomic<bool> is_spread_{false};
  // Statistics of a window of calls.
  std::atomic<pid_t> last_{0};
  std::atomic<unsigned> calls_{0};
  std::atomic<unsigned> turns_{0};
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_PLACEMENT_H_
