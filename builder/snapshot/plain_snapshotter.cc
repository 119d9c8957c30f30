#include "builder/snapshot/plain_snapshotter.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "builder/snapshot/file_metadata.h"
#include "builder/snapshot/metadata_scan.h"
#include "builder/snapshot/touched_paths.h"
#include "builder/snapshot/tree_diff.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/tree_copy.h"

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

}  // namespace

Status PlainSnapshotter::Start(StoredActive& active) {
  if (!active.parent) return {};
  int fs = active.staging->fs();
  auto copied = CopyTree(active.parent->fs.get(), fs, IsContentXattr);
  if (!copied) {
    return std::move(copied).error().Wrap("snapshot on " + active.parent->id);
  }
  ASSIGN_OR_RETURN(MetadataScan scan, ScanTree(fs));
  return Save(active.staging->directory(), kScanFile, SerializeScan(scan));
}

Status PlainSnapshotter::Settle(StoredActive& active) {
  if (!active.parent || !active.touched) return {};
  return Save(active.staging->directory(), kTouchedFile,
              SerializeTouched(*active.touched));
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
  MountedRoot root;
  ASSIGN_OR_RETURN(root.fd, OpenDirectory(found.fs.get()));
  root.path = store().directory() + "/committed/" + snapshot + "/fs";
  root.in_use = std::move(found.fs);
  return root;
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
  const TreeState older{states.parent->fs.get(), states.parent_journal,
                        states.content};
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
  ASSIGN_OR_RETURN(file.before, LookAt(active.parent->fs.get(), path));
  return file;
}

}  // namespace strake::builder::snapshot
