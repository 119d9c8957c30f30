#include "util/block_sigpipe.h"

#include <time.h>

#include <cerrno>

namespace strake {

BlockSigpipe::BlockSigpipe() {
  sigemptyset(&sigpipe_);
  sigaddset(&sigpipe_, SIGPIPE);
  sigset_t pending;
  sigpending(&pending);
  was_pending_ = sigismember(&pending, SIGPIPE) == 1;
  pthread_sigmask(SIG_BLOCK, &sigpipe_, &old_mask_);
}

BlockSigpipe::~BlockSigpipe() {
  if (!was_pending_) {
    timespec now{};
    while (sigtimedwait(&sigpipe_, nullptr, &now) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
}

}  // namespace strake
