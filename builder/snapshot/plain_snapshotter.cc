#include "builder/snapshot/plain_snapshotter.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "builder/snapshot/layer_changes.h"
#include "builder/snapshot/layered_tree.h"
#include "builder/snapshot/metadata_scan.h"
#include "builder/snapshot/snapshot_delta.h"
#include "builder/snapshot/touched_paths.h"
#include "builder/snapshot/tree_diff.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::builder::snapshot {
namespace {

// Beside `fs`: the scan of the fresh copy; absent without a parent.
constexpr const char* kScanFile = "scan";
// Likewise: the paths that were touched since; absent where that is not known.
constexpr const char* kTouchedFile = "touched";

Status Save(int directory, const char* name, const std::string& bytes) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFileAt(directory, name,
                                           O_WRONLY | O_CREAT | O_EXCL, 0600));
  FdSink sink(std::move(fd));
  return sink.Write(bytes);
}

Result<std::string> Load(int directory, const char* name) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFileAt(directory, name, O_RDONLY));
  FdSource source(std::move(fd));
  return ReadAll(source, uint64_t{4} << 30);
}

// What leads from `older` to `newer`, and how `newer` looks now.
struct Difference {
  std::vector<oci::Change> changes;
  MetadataScan now;
};

Result<Difference> FindDifference(
    const TreeState& newer, const TreeState& older, const MetadataScan& fresh,
    const std::optional<std::set<std::string>>& touched) {
  Difference difference;
  std::vector<std::string> paths;
  if (touched) {
    ASSIGN_OR_RETURN(paths, PathsToCompare(newer, older, fresh, *touched));
    ASSIGN_OR_RETURN(difference.now, RescanPaths(newer.root, fresh, paths));
  } else {
    ASSIGN_OR_RETURN(difference.now, ScanTree(newer.root));
    paths = PathsToCompare(newer, older, fresh, difference.now);
  }
  ASSIGN_OR_RETURN(difference.changes, DiffTrees(newer, older, fresh, paths));
  return difference;
}

// The same where some files cannot be reached by their paths, as in a user's
// tree with directories that are closed even to their owner.
Result<Difference> WalkDifference(const TreeState& newer,
                                  const TreeState& older,
                                  const MetadataScan& fresh) {
  Difference difference;
  ASSIGN_OR_RETURN(difference.now, ScanTree(newer.root));
  ASSIGN_OR_RETURN(difference.changes, DiffTrees(newer, older, fresh));
  return difference;
}

Result<std::vector<oci::Change>> DiffTouched(
    const TreeState& newer, const TreeState& older, const MetadataScan& scan,
    const std::set<std::string>& touched) {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                   PathsToCompare(newer, older, scan, touched));
  return DiffTrees(newer, older, scan, paths);
}

Result<UniqueFd> OpenDirectory(int dir) {
  return OpenFileAt(dir, ".", O_RDONLY | O_DIRECTORY);
}

// `path` as it is on disk; nothing where there is none.
Result<std::optional<DiskFile>> LookAt(int root, const std::string& path) {
  struct stat st;
  if (::fstatat(root, path.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
    return std::optional<DiskFile>({st.st_mode, st.st_uid, st.st_gid});
  }
  if (errno == ENOENT || errno == ENOTDIR) return std::optional<DiskFile>();
  return ErrnoError("stat " + path);
}

using BeforeMap = std::map<std::string, std::optional<DiskFile>>;

// What is on disk of the files that `journal` speaks of.
Result<BeforeMap> LookAtAll(int root, const OwnershipJournal& journal) {
  BeforeMap files;
  for (const auto& [path, metadata] : journal.entries()) {
    if (path.empty()) continue;
    ASSIGN_OR_RETURN(files[path], LookAt(root, path));
  }
  return files;
}

}  // namespace

struct PlainActive final : StoredActive {
  MetadataScan fresh;  // of the tree when it was the parent's
  // What was on disk then of the files in the journal.
  BeforeMap before;
  // What is known of the tree since it is settled.
  std::shared_ptr<KnownTree> known;
};

std::unique_ptr<StoredActive> PlainSnapshotter::MakeActive() {
  return std::make_unique<PlainActive>();
}

Status PlainSnapshotter::Start(StoredActive& active) {
  if (!active.parent) return {};
  PlainActive& own = static_cast<PlainActive&>(active);
  Status filled = FillFromParent(own);
  if (!filled) {
    return std::move(filled).error().Wrap("snapshot on " + own.parent->id);
  }
  if (ownership() == OwnershipForm::kJournal) {
    ASSIGN_OR_RETURN(own.before,
                     LookAtAll(own.staging->fs(), own.parent_owners));
  }
  return {};
}

Status PlainSnapshotter::FillFromParent(PlainActive& active) {
  ASSIGN_OR_RETURN(const bool taken, TakeFromParent(active));
  if (taken) return {};
  const int fs = active.staging->fs();
  ASSIGN_OR_RETURN(const LayeredTree tree,
                   OpenLayeredTree(store(), active.parent->id));
  ASSIGN_OR_RETURN(active.owners, CopyLayeredTree(tree, fs, ownership()));
  active.parent_owners = active.owners;
  ASSIGN_OR_RETURN(active.fresh, ScanTree(fs));
  return {};
}

Result<bool> PlainSnapshotter::TakeFromParent(PlainActive& active) {
  CommittedSnapshot& parent = *active.parent;
  if (!store().TakeTree(parent, *active.staging)) return false;
  const int fs = active.staging->fs();
  if (auto scan = known_.Take(parent.id, fs)) {
    active.fresh = *std::move(scan);
  } else {
    ASSIGN_OR_RETURN(active.fresh, ScanTree(fs));
  }
  return true;
}

Status PlainSnapshotter::Commit(std::unique_ptr<ActiveSnapshot> active,
                                const SnapshotId& id) {
  auto known = std::make_shared<KnownTree>();
  static_cast<PlainActive&>(*active).known = known;
  RETURN_IF_ERROR(StoredSnapshotter::Commit(std::move(active), id));
  if (known->root) known_.Put(id, std::move(*known));
  return {};
}

Status PlainSnapshotter::Settle(StoredActive& active,
                                const OwnershipJournal& journal) {
  if (!active.parent) return {};
  PlainActive& own = static_cast<PlainActive&>(active);
  const int directory = own.staging->directory();
  if (own.handed_on) {
    if (KeepDelta(own, journal)) return {};
    // Then it is not handed on; whoever asks for the diff learns why.
    RETURN_IF_ERROR(RemoveDelta(directory));
  }
  RETURN_IF_ERROR(Save(directory, kScanFile, SerializeScan(own.fresh)));
  if (!own.touched) return {};
  return Save(directory, kTouchedFile, SerializeTouched(*own.touched));
}

Status PlainSnapshotter::KeepDelta(PlainActive& active,
                                   const OwnershipJournal& journal) {
  const int fs = active.staging->fs();
  ASSIGN_OR_RETURN(const LayeredTree below,
                   OpenLayeredTree(store(), active.parent->id));
  const TreeState newer{fs, journal};
  const TreeState older{-1, active.parent_owners, ContentBelow::kKnown, &below};
  auto found = FindDifference(newer, older, active.fresh, active.touched);
  if (!found) found = WalkDifference(newer, older, active.fresh);
  if (!found) return std::move(found).error();
  SnapshotDiff diff;
  diff.changes = std::move(found->changes);
  ASSIGN_OR_RETURN(diff.root, OpenDirectory(fs));
  ASSIGN_OR_RETURN(diff.leading, LeadingDirectories(journal, diff));
  RETURN_IF_ERROR(SaveDelta(diff, active.staging->directory()));
  active.known->root = std::move(diff.root);
  active.known->scan = std::move(found->now);
  return {};
}

Result<std::optional<SnapshotDiff>> PlainSnapshotter::KnownDiff(
    CommittedSnapshot& snapshot) {
  using Answer = std::optional<SnapshotDiff>;
  if (!snapshot.delta) return Answer();
  ASSIGN_OR_RETURN(SnapshotDelta delta, LoadDelta(snapshot.directory.get()));
  SnapshotDiff diff;
  diff.changes = std::move(delta.changes);
  diff.leading = std::move(delta.leading);
  diff.root = std::move(snapshot.delta);
  return Answer(std::move(diff));
}

Result<MountedRoot> PlainSnapshotter::Mount(ActiveSnapshot& active) {
  StoredActive& own = Own(active);
  MountedRoot root;
  ASSIGN_OR_RETURN(root.fd, OpenDirectory(own.staging->fs()));
  root.path = own.staging->path() + "/fs";
  return root;
}

Result<MountedRoot> PlainSnapshotter::View(const SnapshotId& snapshot) {
  ASSIGN_OR_RETURN(CommittedSnapshot found, store().Find(snapshot));
  if (!store().OpenTree(found)) {
    Status restored = RestoreTree(found);
    if (!restored) {
      return std::move(restored).error().Wrap("view of snapshot " + snapshot);
    }
  }
  MountedRoot root;
  ASSIGN_OR_RETURN(root.fd, OpenDirectory(found.fs.get()));
  root.path = store().directory() + "/committed/" + snapshot + "/fs";
  root.in_use = std::move(found.fs);
  return root;
}

Status PlainSnapshotter::RestoreTree(CommittedSnapshot& snapshot) {
  // Another may give it one, and yet another take that, while we make ours.
  constexpr int kTries = 3;
  for (int i = 0; i < kTries; ++i) {
    ASSIGN_OR_RETURN(std::unique_ptr<StagingDirectory> staging,
                     store().Stage());
    ASSIGN_OR_RETURN(const LayeredTree tree,
                     OpenLayeredTree(store(), snapshot.id));
    ASSIGN_OR_RETURN(const OwnershipJournal journal,
                     CopyLayeredTree(tree, staging->fs(), ownership()));
    RETURN_IF_ERROR(store().AddToJournal(snapshot, journal));
    ASSIGN_OR_RETURN(const bool given,
                     store().GiveTree(std::move(staging), snapshot));
    if (given) return {};
  }
  return Error(ErrorCode::kUnavailable,
               "its files are taken over again and again");
}

Result<LayerTarget> PlainSnapshotter::Target(ActiveSnapshot& active) {
  StoredActive& own = Own(active);
  LayerTarget target;
  ASSIGN_OR_RETURN(target.directory, OpenDirectory(own.staging->fs()));
  target.options.whiteouts = oci::WhiteoutForm::kDelete;
  if (ownership() != OwnershipForm::kReal) {
    target.options.journal = &own.owners;
    target.options.journal_use = journal_use();
  }
  return target;
}

Result<std::vector<oci::Change>> PlainSnapshotter::Compare(
    const Comparison& states) {
  TreeState newer{states.snapshot.fs.get(), states.journal};
  if (!states.parent) {
    // Everything is new, and nothing of the older tree is looked at.
    return DiffTrees(newer, {-1, states.parent_journal}, {});
  }
  const int directory = states.snapshot.directory.get();
  ASSIGN_OR_RETURN(const std::string bytes, Load(directory, kScanFile));
  ASSIGN_OR_RETURN(const MetadataScan scan, ParseScan(bytes));
  ASSIGN_OR_RETURN(const LayeredTree below,
                   OpenLayeredTree(store(), states.parent->id));
  const TreeState older{-1, states.parent_journal, states.content, &below};
  const Result<std::string> touched = Load(directory, kTouchedFile);
  if (touched) {
    auto changes = DiffTouched(newer, older, scan, ParseTouched(*touched));
    if (changes) return changes;
    // A user's tree with directories that are closed even to their owner.
  }
  return DiffTrees(newer, older, scan);
}

Result<JournalledFile> PlainSnapshotter::Probe(const StoredActive& active,
                                               const std::string& path) {
  JournalledFile file;
  if (path.empty()) return file;
  file.touched = true;
  ASSIGN_OR_RETURN(file.now, LookAt(active.staging->fs(), path));
  const BeforeMap& before = static_cast<const PlainActive&>(active).before;
  if (auto at = before.find(path); at != before.end()) file.before = at->second;
  return file;
}

}  // namespace strake::builder::snapshot
