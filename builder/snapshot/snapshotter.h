// States of a root file system, each made on top of another.
//
// Life of a snapshot: `Prepare` makes an active one on top of a committed
// parent (or on nothing); it is written to, through `Mount` (a merged view) or
// through `LayerTarget` (a layer being unpacked); `Commit` makes it immutable
// and names it. An active snapshot is nobody's parent; one that is dropped
// removes itself. Committed snapshots are shared by builds and processes.
//
// A snapshotter has no notion of cache keys or images: a `SnapshotId` is the
// caller's name for a state (hexadecimal digits), and two calls that commit the
// same name mean the same content: the second one is thrown away.
//
// Safe to call from any thread; several processes may use one directory.

#ifndef STRAKE_BUILDER_SNAPSHOT_SNAPSHOTTER_H_
#define STRAKE_BUILDER_SNAPSHOT_SNAPSHOTTER_H_

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "oci/change.h"
#include "oci/layer_applier.h"
#include "util/ownership_journal.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::snapshot {

using SnapshotId = std::string;  // [0-9a-f]{8,64}

class ActiveSnapshot {
 public:
  // Removes what was written, unless it was committed.
  virtual ~ActiveSnapshot() = default;
  // Owners that the disk cannot hold, of the whole file system: begins as the
  // parent's, and who writes to the snapshot keeps it true. Stays empty where
  // real ownership can be had.
  virtual OwnershipJournal& journal() = 0;
  // Says that since `Prepare` nothing but these paths was changed, which are to
  // be read as `sandbox::ProcessSpec::touched`; unless said, all may have been.
  // A snapshotter need not make use of it.
  virtual void SetTouched(std::set<std::string> paths) = 0;
  // Says that once it is committed, a snapshot is to be made on top of it, and
  // probably nobody else will read its files. A snapshotter need not make use
  // of it, and nobody has to keep it.
  virtual void SetHandedOn() = 0;
};

// A root file system to read or write.
struct MountedRoot {
  // The root directory. For a detached mount this is the mount itself, which
  // may be attached elsewhere (`sandbox::RootFs::mount_fd`) once.
  UniqueFd fd;
  // Where it is a plain directory of the host: its path, to be bound.
  std::string path;
  // Keeps what is seen here from being removed; closed last.
  UniqueFd in_use;
};

// What a snapshot changed over its parent.
struct SnapshotDiff {
  std::vector<oci::Change> changes;  // as `oci::WriteLayer` wants them
  UniqueFd root;                     // where their content is read
  // Where `root` holds no other files than changed ones: what the directories
  // that lead to these are.
  std::vector<oci::Change> leading = {};
};

// Where and how to unpack a layer into an active snapshot.
struct LayerTarget {
  UniqueFd directory;
  oci::LayerApplyOptions options;  // its journal is the active snapshot's
  // Where `directory` is in a detached mount: that mount; closed last.
  UniqueFd mount;
};

class Snapshotter {
 public:
  virtual ~Snapshotter() = default;

  // "overlay", "plain".
  virtual std::string_view name() const = 0;

  // What of the files' metadata its journals hold.
  virtual JournalUse journal_use() const = 0;

  // A new active snapshot on top of the committed `parent`; none: on an empty
  // root directory (mode 0755, owned by root). `kNotFound`: no such parent.
  virtual Result<std::unique_ptr<ActiveSnapshot>> Prepare(
      const std::optional<SnapshotId>& parent) = 0;

  // The merged file system of `active`, writable. May be called again after the
  // previous root was closed, or while it is only read.
  virtual Result<MountedRoot> Mount(ActiveSnapshot& active) = 0;
  // The file system of a committed snapshot, not to be written to (read-only
  // where that costs nothing).
  virtual Result<MountedRoot> View(const SnapshotId& snapshot) = 0;

  // For unpacking a layer that belongs right on top of the parent.
  virtual Result<LayerTarget> Target(ActiveSnapshot& active) = 0;

  // Makes `active` immutable under the name `id`. No root of it may be open.
  virtual Status Commit(std::unique_ptr<ActiveSnapshot> active,
                        const SnapshotId& id) = 0;

  virtual bool Exists(const SnapshotId& id) = 0;
  // What `id` changed over its parent, for a layer. Costs what changed where
  // the snapshotter can, else what is there. Metadata that equals the parent's
  // is no change, whatever was touched in between.
  virtual Result<SnapshotDiff> Diff(const SnapshotId& id) = 0;
  // The same where the files below are there without their content: what was
  // written is a change, whatever it equals.
  virtual Result<SnapshotDiff> DiffToOutline(const SnapshotId& id) = 0;
  // The owners that the disk cannot hold, of the whole merged file system.
  virtual Result<OwnershipJournal> Journal(const SnapshotId& id) = 0;
  // The same for an active snapshot: its `journal()` without what a step has
  // made untrue that does not know of it (see journal_refresh.h).
  virtual Result<OwnershipJournal> Journal(ActiveSnapshot& active) = 0;

  virtual Result<std::vector<SnapshotId>> List() = 0;
  // A missing one is fine. Snapshots on top of it must go first.
  virtual Status Remove(const SnapshotId& id) = 0;
  // Removes active snapshots whose process is gone.
  virtual Status RemoveAbandoned() = 0;
};

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_SNAPSHOTTER_H_
