// Writing to a pipe or a connection that the other side has closed raises
// SIGPIPE in the writing thread. A library may not change the process's
// disposition, so the signal is held back in this thread while an owner of
// this type lives, and taken from the queue if it came.

#ifndef STRAKE_UTIL_BLOCK_SIGPIPE_H_
#define STRAKE_UTIL_BLOCK_SIGPIPE_H_

#include <signal.h>

namespace strake {

// Destroy it on the thread that made it.
class BlockSigpipe {
 public:
  BlockSigpipe();
  BlockSigpipe(const BlockSigpipe&) = delete;
  BlockSigpipe& operator=(const BlockSigpipe&) = delete;
  ~BlockSigpipe();

 private:
  sigset_t sigpipe_;
  sigset_t old_mask_;
  bool was_pending_;
};

}  // namespace strake

#endif  // STRAKE_UTIL_BLOCK_SIGPIPE_H_
