// Removes the roots of containers that have ended, beside those that begin: the
// disk takes longer to remove even an empty one than a short command runs.

#ifndef STRAKE_BUILDER_SNAPSHOT_SWEEPER_H_
#define STRAKE_BUILDER_SNAPSHOT_SWEEPER_H_

#include <condition_variable>
#include <deque>
#include <memory>
#include <thread>

#include "builder/snapshot/snapshotter.h"
#include "util/guarded.h"

namespace strake::builder {

// Thread-safe. Goes before the snapshotter of what it was given.
class SnapshotSweeper {
 public:
  SnapshotSweeper() = default;
  SnapshotSweeper(const SnapshotSweeper&) = delete;
  SnapshotSweeper& operator=(const SnapshotSweeper&) = delete;
  // Returns once all is removed.
  ~SnapshotSweeper();

  // Removes `snapshot` soon; at once where many wait already. Nothing may be
  // mounted of it any more.
  void Take(std::unique_ptr<snapshot::ActiveSnapshot> snapshot);

 private:
  struct State {
    std::deque<std::unique_ptr<snapshot::ActiveSnapshot>> waiting;
    bool started = false;
    bool ending = false;
  };
  void Sweep();

  Guarded<State> state_;
  std::condition_variable changed_;
  std::thread thread_;  // set under the lock, by the first `Take`
};

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_SNAPSHOT_SWEEPER_H_
