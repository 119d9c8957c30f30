// Files that a caller is about to name by a descriptor of ours
// ("/proc/SUPERVISOR/fd/N") in a call that may block. A signal can interrupt
// the call at any later time, and the kernel then starts it again by itself:
// the descriptor, and the path in the caller's arena, have to be there yet.
//
// What a thread is in the middle of is its last such call, and while a signal
// handler makes one, the one before. So two are held for each thread, until it
// makes another or ends. Thread-safe.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_HELD_FILES_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_HELD_FILES_H_

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "util/guarded.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

class HeldFiles {
 public:
  // Holds `fd` for `thread`. Returns which slot of the arena is for the path,
  // counted from 0: one that the thread's other call does not use.
  uint64_t Hold(pid_t thread, UniqueFd fd);

 private:
  struct Files {
    std::array<UniqueFd, 2> last;
    size_t next = 0;
  };
  struct State {
    std::unordered_map<pid_t, Files> threads;
    size_t many = 64;  // so many threads, and those that ended are looked for
  };
  Guarded<State> state_;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_HELD_FILES_H_
