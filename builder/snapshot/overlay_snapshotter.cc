// A layer being unpacked on top of others goes through the mount, too, although
// its whiteouts could be written as the kernel's marks straight into the upper
// directory: a layer may leave out the directories around its files and may
// hard-link files of lower layers, and only the merged view knows what those
// are. The first layer, usually the largest, is unpacked directly.

#include "builder/snapshot/overlay_snapshotter.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "builder/snapshot/overlay_diff.h"
#include "builder/snapshot/root_attributes.h"
#include "util/directory.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder::snapshot {
namespace {

std::string LayerOf(const SnapshotId& id) { return id + "/fs"; }

}  // namespace

Result<std::vector<std::string>> OverlaySnapshotter::Lowers(
    const std::vector<SnapshotId>& ids, size_t at_least) const {
  std::vector<std::string> paths;
  for (const SnapshotId& id : ids) {
    paths.push_back(store().directory() + "/committed/" + LayerOf(id));
  }
  std::string empty = store().directory() + "/empty";
  if (paths.size() < at_least && ::mkdir(empty.c_str(), 0755) != 0 &&
      errno != EEXIST) {
    return ErrnoError("mkdir " + empty);
  }
  while (paths.size() < at_least) paths.push_back(empty);
  return paths;
}

OverlayLayers OverlaySnapshotter::Layers(
    const std::vector<SnapshotId>& ids) const {
  std::vector<std::string> layers;
  for (const SnapshotId& id : ids) layers.push_back(LayerOf(id));
  return OverlayLayers(store().committed(), std::move(layers), form_.xattrs);
}

Result<MountedRoot> OverlaySnapshotter::Mount(ActiveSnapshot& active) {
  StoredActive& own = Own(active);
  OverlayMountSpec spec;
  spec.scratch = own.staging->path();
  ASSIGN_OR_RETURN(spec.lowers, Lowers(own.Below(), 1));
  spec.upper = own.staging->path() + "/fs";
  // One work directory a mount: what an earlier mount leaves in it (with
  // `volatile`: a mark) keeps the kernel from using it again.
  std::string work = "work-" + std::to_string(++own.mounts);
  if (::mkdirat(own.staging->directory(), work.c_str(), 0700) != 0) {
    return ErrnoError("mkdir " + work);
  }
  spec.work = own.staging->path() + "/" + work;
  spec.options = form_.options;
  MountedRoot root;
  ASSIGN_OR_RETURN(root.fd, MountOverlay(spec));
  return root;
}

Result<MountedRoot> OverlaySnapshotter::View(const SnapshotId& snapshot) {
  ASSIGN_OR_RETURN(CommittedSnapshot found, store().Find(snapshot));
  ASSIGN_OR_RETURN(std::unique_ptr<StagingDirectory> scratch, store().Stage());
  OverlayMountSpec spec;
  spec.scratch = scratch->path();
  ASSIGN_OR_RETURN(spec.lowers, Lowers(found.Chain(), 2));
  if (form_.xattrs == OverlayXattrs::kUser) spec.options = "userxattr";
  MountedRoot root;
  ASSIGN_OR_RETURN(root.fd, MountOverlay(spec));
  root.in_use = std::move(found.fs);
  return root;
}

Result<LayerTarget> OverlaySnapshotter::Target(ActiveSnapshot& active) {
  StoredActive& own = Own(active);
  LayerTarget target;
  if (own.parent) {
    ASSIGN_OR_RETURN(MountedRoot root, Mount(active));
    target.mount = std::move(root.fd);
  }
  ASSIGN_OR_RETURN(target.directory, OpenFileAt(own.parent ? target.mount.get()
                                                           : own.staging->fs(),
                                                ".", O_RDONLY | O_DIRECTORY));
  target.options.whiteouts = oci::WhiteoutForm::kDelete;
  if (ownership() != OwnershipForm::kReal) {
    target.options.journal = &own.owners;
    target.options.journal_use = journal_use();
  }
  return target;
}

Status OverlaySnapshotter::Start(StoredActive& active) {
  if (!active.parent) return {};
  return CopyRootAttributes(active.parent->fs.get(), active.staging->fs());
}

Status OverlaySnapshotter::Settle(StoredActive& active,
                                  const OwnershipJournal&) {
  int directory = active.staging->directory();
  for (int i = 1; i <= active.mounts; ++i) {
    RETURN_IF_ERROR(
        RemoveAllAt(directory, ("work-" + std::to_string(i)).c_str()));
  }
  return {};
}

Result<std::vector<oci::Change>> OverlaySnapshotter::Compare(
    const Comparison& states) {
  OverlayLayers below = Layers(states.snapshot.parents);
  return DiffOverlay(states.snapshot.fs.get(), form_.xattrs, below,
                     states.journal, states.parent_journal, states.content);
}

// Looks at the upper directory alone for as long as it has nothing to say.
Result<JournalledFile> OverlaySnapshotter::Probe(const StoredActive& active,
                                                 const std::string& path) {
  JournalledFile file;
  int upper = active.staging->fs();
  bool hidden = false;  // below something opaque
  std::string prefix;
  std::vector<std::string_view> parts = Split(path, '/');
  if (path.empty()) parts.clear();
  struct statx st = {};
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) prefix += '/';
    prefix += parts[i];
    if (::statx(upper, prefix.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS,
                &st) != 0) {
      if (errno != ENOENT) return ErrnoError("stat " + prefix);
      file.touched = hidden;
      return file;
    }
    ASSIGN_OR_RETURN(Xattrs xattrs, ReadXattrsAt(upper, prefix.c_str()));
    bool last = i + 1 == parts.size();
    if (IsOverlayWhiteout(st, xattrs, form_.xattrs) ||
        (!last && !S_ISDIR(st.stx_mode))) {
      file.touched = true;
      return file;
    }
    hidden = hidden || IsOverlayOpaque(xattrs, form_.xattrs);
  }
  if (path.empty()) return file;
  file.touched = true;
  file.now = {st.stx_mode, st.stx_uid, st.stx_gid};
  OverlayLayers below = Layers(active.Below());
  ASSIGN_OR_RETURN(auto before, below.FindPath(path));
  if (before) {
    const struct statx& old = before->stat;
    file.before = {old.stx_mode, old.stx_uid, old.stx_gid};
  }
  return file;
}

}  // namespace strake::builder::snapshot
