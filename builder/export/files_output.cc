// `type=tar` and `type=local`: the files of the root file system.
//
// A folder is filled file by file through the layer applier, like a layer on
// top of what is there: files that have the same name are replaced, others
// stay. All files belong to the caller, as with buildx.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "builder/export/destination.h"
#include "builder/export/export.h"
#include "builder/snapshot/apply_changes.h"
#include "oci/layer_writer.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/tree_walk.h"

namespace strake::builder::exporter {
namespace {

using snapshot::SnapshotDiff;

oci::FileMetadata MetadataOf(const TreeEntry& entry,
                             const VirtualMetadata* meant) {
  const struct statx& stat = *entry.stat;
  oci::FileMetadata metadata;
  metadata.mode = stat.stx_mode;
  metadata.uid = VirtualUid(stat.stx_uid);
  metadata.gid = VirtualGid(stat.stx_gid);
  metadata.size_bytes = stat.stx_size;
  metadata.mtime = std::chrono::seconds(stat.stx_mtime.tv_sec) +
                   std::chrono::nanoseconds(stat.stx_mtime.tv_nsec);
  metadata.rdev = makedev(stat.stx_rdev_major, stat.stx_rdev_minor);
  metadata.device = makedev(stat.stx_dev_major, stat.stx_dev_minor);
  metadata.inode = stat.stx_ino;
  metadata.link_count = stat.stx_nlink;
  if (entry.xattrs != nullptr) metadata.xattrs = *entry.xattrs;
  if (meant != nullptr) {
    metadata.mode = meant->mode;
    metadata.uid = meant->uid;
    metadata.gid = meant->gid;
    metadata.rdev = meant->rdev;
    for (const auto& [name, value] : meant->xattrs) {
      metadata.xattrs[name] = value;
    }
  }
  return metadata;
}

bool BelongsToKernelOverlay(const std::string& xattr) {
  return xattr.starts_with("trusted.overlay.") ||
         xattr.starts_with("user.overlay.");
}

// Every file of `root` as a change over nothing.
Result<SnapshotDiff> WholeTree(snapshot::Snapshotter& snapshotter,
                               const snapshot::SnapshotId& id) {
  SnapshotDiff diff;
  ASSIGN_OR_RETURN(OwnershipJournal journal, snapshotter.Journal(id));
  ASSIGN_OR_RETURN(snapshot::MountedRoot root, snapshotter.View(id));
  TreeWalkOptions options;
  options.xattrs = true;
  options.open_up = true;
  auto visit = [&](const TreeEntry& entry) -> Result<TreeStep> {
    oci::Change change;
    change.path = entry.path;
    change.metadata = MetadataOf(entry, journal.Find(entry.path));
    std::erase_if(change.metadata.xattrs, [](const auto& xattr) {
      return BelongsToKernelOverlay(xattr.first);
    });
    if (S_ISSOCK(change.metadata.mode)) return TreeStep::kContinue;
    if (S_ISLNK(change.metadata.mode)) {
      ASSIGN_OR_RETURN(
          change.metadata.link_target,
          ReadLinkAt(entry.directory, std::string(entry.name).c_str()));
    }
    diff.changes.push_back(std::move(change));
    return TreeStep::kContinue;
  };
  RETURN_IF_ERROR(WalkTree(root.fd.get(), options, visit));
  diff.root = std::move(root.fd);
  return diff;
}

void SetBack(oci::Timestamp latest, SnapshotDiff& diff) {
  for (oci::Change& change : diff.changes) {
    change.metadata.mtime =
        std::min(change.metadata.mtime, latest.time_since_epoch());
  }
}

struct Folder {
  std::string path;
  SnapshotDiff diff;
};

Status Fill(const Folder& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder.path, error);
  if (error) return IoError("mkdir " + folder.path + ": " + error.message());
  ASSIGN_OR_RETURN(UniqueFd fd,
                   OpenFile(folder.path.c_str(), O_RDONLY | O_DIRECTORY));
  OwnershipJournal refused;  // devices and the like, where not allowed
  oci::LayerApplyOptions options;
  options.journal = &refused;
  auto applied = snapshot::ApplyChanges(folder.diff, fd.get(), options);
  if (!applied) return std::move(applied).error().Wrap("write " + folder.path);
  return {};
}

class WrittenFolders final : public PreparedOutput {
 public:
  explicit WrittenFolders(std::vector<Folder> folders)
      : folders_(std::move(folders)) {}

  // Only now: an existing folder has no "aside" that keeps what is in it.
  Status Publish() override {
    for (const Folder& folder : folders_) RETURN_IF_ERROR(Fill(folder));
    return {};
  }

 private:
  std::vector<Folder> folders_;
};

std::string FolderName(const oci::Platform& platform) {
  std::string name = platform.ToString();
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

Result<PreparedOutputPtr> PrepareFolders(const Output& output,
                                         const ExportContext& context) {
  std::vector<Folder> folders;
  for (const ExportedRoot& root : context.roots) {
    Folder& folder = folders.emplace_back();
    folder.path = output.dest;
    if (output.platform_split.value_or(context.roots.size() > 1)) {
      folder.path += "/" + FolderName(root.platform);
    }
    ASSIGN_OR_RETURN(folder.diff,
                     WholeTree(context.snapshotter, root.snapshot));
    if (output.rewrite_timestamp && context.epoch) {
      SetBack(*context.epoch, folder.diff);
    }
    for (oci::Change& change : folder.diff.changes) {
      change.metadata.uid = VirtualUid(::geteuid());
      change.metadata.gid = VirtualGid(::getegid());
    }
  }
  return PreparedOutputPtr(
      std::make_unique<WrittenFolders>(std::move(folders)));
}

}  // namespace

Result<PreparedOutputPtr> PrepareFiles(const Output& output,
                                       const ExportContext& context) {
  std::error_code error;
  if (output.kind == Output::Kind::kLocal &&
      std::filesystem::exists(output.dest, error) &&
      !std::filesystem::is_directory(output.dest, error)) {
    return InvalidArgument("--output dest=" + output.dest +
                           ": is a file, and type=local fills a folder");
  }
  if (output.kind == Output::Kind::kLocal) {
    return PrepareFolders(output, context);
  }
  ASSIGN_OR_RETURN(
      SnapshotDiff diff,
      WholeTree(context.snapshotter, context.roots.front().snapshot));
  if (output.rewrite_timestamp && context.epoch) {
    SetBack(*context.epoch, diff);
  }
  ASSIGN_OR_RETURN(auto destination, FileDestination::Open(output.dest));
  FdSink sink(destination->fd());
  ASSIGN_OR_RETURN(auto summary,
                   oci::WriteLayer(diff.changes, diff.root.get(), sink));
  (void)summary;
  return PreparedOutputPtr(std::move(destination));
}

}  // namespace strake::builder::exporter
