// `type=tar` and `type=local`: the files of the root file system.
//
// A folder is filled file by file through the layer applier, like a layer on
// top of what is there: files that have the same name are replaced, others
// stay. All files belong to the caller, as with buildx.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

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

class WrittenFolder final : public PreparedOutput {
 public:
  WrittenFolder(SnapshotDiff diff, std::string dest)
      : diff_(std::move(diff)), dest_(std::move(dest)) {}

  // Only now: an existing folder has no "aside" that keeps what is in it.
  Status Publish() override {
    std::error_code error;
    std::filesystem::create_directories(dest_, error);
    if (error) return IoError("mkdir " + dest_ + ": " + error.message());
    ASSIGN_OR_RETURN(UniqueFd folder,
                     OpenFile(dest_.c_str(), O_RDONLY | O_DIRECTORY));
    OwnershipJournal refused;  // devices and the like, where not allowed
    oci::LayerApplyOptions options;
    options.journal = &refused;
    auto applied = snapshot::ApplyChanges(diff_, folder.get(), options);
    if (!applied) return std::move(applied).error().Wrap("write " + dest_);
    return {};
  }

 private:
  SnapshotDiff diff_;
  std::string dest_;
};

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
  ASSIGN_OR_RETURN(SnapshotDiff diff,
                   WholeTree(context.snapshotter, context.root));
  if (output.kind == Output::Kind::kLocal) {
    for (oci::Change& change : diff.changes) {
      change.metadata.uid = VirtualUid(::geteuid());
      change.metadata.gid = VirtualGid(::getegid());
    }
    return PreparedOutputPtr(
        std::make_unique<WrittenFolder>(std::move(diff), output.dest));
  }
  ASSIGN_OR_RETURN(auto destination, FileDestination::Open(output.dest));
  FdSink sink(destination->fd());
  ASSIGN_OR_RETURN(auto summary,
                   oci::WriteLayer(diff.changes, diff.root.get(), sink));
  (void)summary;
  return PreparedOutputPtr(std::move(destination));
}

}  // namespace strake::builder::exporter
