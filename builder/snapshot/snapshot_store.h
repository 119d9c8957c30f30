// Where snapshots of one kind lie on disk, and who may touch them when.
//
//   <directory>/
//     lock               taken by whoever creates or cleans up in `active`
//     active/<random>/   being made, or being removed
//     committed/<id>/    immutable
//       fs/              the files; its lock says that the snapshot is in use
//       meta             JSON: {"version": 1, "parents": [nearest first]}
//       journal          owners that the disk cannot hold, of the whole merged
//                        file system; absent where there are none
//       delta/, changes  what it changed over its parent, apart from its tree
//                        (snapshot_delta.h); with them, `fs` may be missing:
//                        it was taken by a snapshot on top
//       ...              what the snapshotter adds
//
// A snapshot appears and disappears by rename(2), so it is whole or not there.
// Locks are flock(2) on `fs`: exclusive while active, being removed or taken,
// shared by every user of a committed one. Where there is a `delta`, users of
// the snapshot lock that, and who uses its tree locks `fs`, too. Locks end with
// their process.
//
// Safe to call from any thread; several processes may use one directory.

#ifndef STRAKE_BUILDER_SNAPSHOT_SNAPSHOT_STORE_H_
#define STRAKE_BUILDER_SNAPSHOT_SNAPSHOT_STORE_H_

#include <memory>
#include <string>
#include <vector>

#include "builder/snapshot/snapshotter.h"
#include "util/ownership_journal.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::snapshot {

// A snapshot being made: `active/<random>`. Removes itself with all that is in
// it, unless it was published.
class StagingDirectory {
 public:
  StagingDirectory(UniqueFd active, std::string name, std::string path,
                   UniqueFd directory, UniqueFd fs)
      : active_(std::move(active)),
        name_(std::move(name)),
        path_(std::move(path)),
        directory_(std::move(directory)),
        fs_(std::move(fs)) {}
  ~StagingDirectory();
  StagingDirectory(const StagingDirectory&) = delete;
  StagingDirectory& operator=(const StagingDirectory&) = delete;

  const std::string& path() const { return path_; }  // absolute
  int directory() const { return directory_.get(); }
  int fs() const { return fs_.get(); }  // open for reading

 private:
  friend class SnapshotStore;
  UniqueFd active_;   // the directory around it
  std::string name_;  // in there; empty once published
  std::string path_;
  UniqueFd directory_;
  UniqueFd fs_;
};

// A committed snapshot, kept from removal as long as this exists.
struct CommittedSnapshot {
  SnapshotId id;
  std::vector<SnapshotId> parents;  // nearest first
  UniqueFd directory;
  // Open for reading, and locked. Where there is a delta, the tree is not
  // opened unless asked for.
  UniqueFd fs;
  UniqueFd delta;

  // What keeps it from removal, and its tree from being taken; closed last.
  UniqueFd TakeLock() && { return fs ? std::move(fs) : std::move(delta); }
  // The layers of its file system, top first: itself, then its parents.
  std::vector<SnapshotId> Chain() const;
};

class SnapshotStore {
 public:
  // The store in `directory`, made if it is not there.
  static Result<std::shared_ptr<const SnapshotStore>> Open(
      const std::string& directory);

  const std::string& directory() const { return directory_; }  // absolute
  // The directory `committed`.
  int committed() const { return committed_.get(); }

  // A new staging directory with an empty `fs`, mode 0755.
  Result<std::unique_ptr<StagingDirectory>> Stage() const;
  // Commits `staging` as `id` on top of `parents`, with `journal`, or throws it
  // away if there is such a snapshot already.
  Status Publish(std::unique_ptr<StagingDirectory> staging,
                 const SnapshotId& id, const std::vector<SnapshotId>& parents,
                 const OwnershipJournal& journal) const;

  // `kNotFound` if there is none.
  Result<CommittedSnapshot> Find(const SnapshotId& id) const;
  // Opens the tree of `snapshot`, unless it is open. False where somebody has
  // taken it, or is about to.
  bool OpenTree(CommittedSnapshot& snapshot) const;
  // Moves the tree of `from`, which has a delta, to `to`, in place of the empty
  // one; `from` is then known by its delta alone, whatever becomes of `to`.
  // False, and nothing is done, where there is none, somebody uses it, or it
  // cannot be moved.
  bool TakeTree(const CommittedSnapshot& from, StagingDirectory& to) const;
  // Gives `to`, whose tree was taken, the one of `staging`; if it got one
  // meanwhile, that is left. True: it is open.
  Result<bool> GiveTree(std::unique_ptr<StagingDirectory> staging,
                        CommittedSnapshot& to) const;
  bool Exists(const SnapshotId& id) const;
  Result<OwnershipJournal> Journal(const CommittedSnapshot& snapshot) const;
  // Adds entries for paths of which the journal of `snapshot` does not speak.
  Status AddToJournal(const CommittedSnapshot& snapshot,
                      const OwnershipJournal& more) const;
  // In bytewise order.
  Result<std::vector<SnapshotId>> List() const;
  // `kUnavailable` while someone uses it; a missing one is fine.
  Status Remove(const SnapshotId& id) const;
  Status RemoveAbandoned() const;

 private:
  SnapshotStore(std::string directory, UniqueFd active, UniqueFd committed)
      : directory_(std::move(directory)),
        active_(std::move(active)),
        committed_(std::move(committed)) {}

  std::string LockPath() const { return directory_ + "/lock"; }

  std::string directory_;
  UniqueFd active_;
  UniqueFd committed_;
};

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_SNAPSHOT_STORE_H_
