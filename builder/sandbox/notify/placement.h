// Which processors the supervisor's threads and a step's share.
//
// A call and its answer are two changes from one process to another. On one
// processor these cost 2 microseconds; where the other process has to be woken
// on an idle processor, ten times as much. The kernel keeps both sides of a
// notification together when it is asked to
// (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, Linux 6.6), but neither when a
// descriptor is added nor for ptrace(2); and where a step's processes run side
// by side, it may draw them all to one processor.
//
// Nothing here can fail in a way that matters: it is only about speed.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_PLACEMENT_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_PLACEMENT_H_

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace strake::builder::sandbox::notify {

// The processors that a thread may run on, as sched_getaffinity(2) has them.
class ProcessorSet {
 public:
  ProcessorSet() = default;  // none
  static ProcessorSet Of(pid_t thread);
  static ProcessorSet Only(int processor);

  bool Give(pid_t thread) const;  // false: the kernel refused

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

// Which of the supervisor's threads, the workers, wait for calls. The kernel
// wakes all who wait at each call, and where the call is made; who answers
// without having slept draws the caller to its own processor.
//
// So while a step's threads make calls by turns, one worker waits at a time,
// and each call is answered where it is made, by the worker that was woken
// there. Else, to spare the change of who waits, two wait at once.
//
// Thread-safe.
class Placement {
 public:
  // Sets the flags of `listener`, which is borrowed, from now on.
  explicit Placement(int listener);

  // Worker number `worker`, counted from 0, is about to wait for a call;
  // returns when it should. What is returned is held until it has one.
  std::unique_lock<std::mutex> AwaitTurn(unsigned worker);

  // A worker has received a call of `thread`.
  void Note(pid_t thread);

 private:
  std::mutex waiting_;  // for the one worker that waits
  std::mutex mutex_;    // for the change to true
  std::condition_variable by_turns_now_;
  std::atomic<bool> by_turns_{false};
  // Statistics of a window of calls.
  std::atomic<pid_t> last_{0};
  std::atomic<unsigned> calls_{0};
  std::atomic<unsigned> turns_{0};
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_PLACEMENT_H_
