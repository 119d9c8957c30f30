#include "builder/ops/copy_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>
#include <vector>

#include "util/directory.h"
#include "util/file_copy.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"

namespace strake::builder::ops {
namespace {

using context::CopyEntry;
using context::FileMetadata;
using context::TreePlace;

// What is at `place`, by its type bits; 0 for nothing.
Result<uint32_t> TypeAt(const TreePlace& place) {
  struct stat st;
  if (::fstatat(place.directory, place.name.c_str(), &st,
                AT_SYMLINK_NOFOLLOW) == 0) {
    return st.st_mode & S_IFMT;
  }
  if (errno == ENOENT) return uint32_t{0};
  return ErrnoError("stat /" + place.path);
}

class TreeCopier {
 public:
  TreeCopier(context::TreeWriter& writer, const std::string& destination,
             const CopyRules& rules)
      : writer_(writer), destination_(destination), rules_(rules) {}

  Result<CopyTreeSummary> Run(const context::SourceTree& tree,
                              const context::CopyMatch& match,
                              const context::CopyFilter& filter) {
    source_root_ = tree.root;
    auto visit = [this](const CopyEntry& entry) { return Visit(entry); };
    auto after = [this](const CopyEntry& entry) { return Leave(entry); };
    RETURN_IF_ERROR(
        context::WalkCopy(tree, match, filter, visit, after, rules_.stop));
    return summary_;
  }

 private:
  // A directory of the target that is being filled.
  struct Level {
    bool existed = false;
    struct timespec mtime = {};  // of the top, as it was
  };

  Status Visit(const CopyEntry& entry) {
    if (entry.path.empty()) {
      return entry.file.IsDirectory() ? EnterTop() : CopyTop(entry);
    }
    ++summary_.files;
    TreePlace place = PlaceOf(entry);
    return entry.file.IsDirectory() ? EnterDirectory(place)
                                    : CopyFile(entry, place);
  }

  Status EnterTop() {
    ASSIGN_OR_RETURN(UniqueFd top, OpenInRoot(writer_.root(), destination_,
                                              O_RDONLY | O_DIRECTORY));
    struct stat st;
    if (::fstat(top.get(), &st) != 0) {
      return ErrnoError("stat /" + destination_);
    }
    levels_.push_back({.existed = true, .mtime = st.st_mtim});
    stack_.emplace(std::move(top));
    return {};
  }

  Status CopyTop(const CopyEntry& entry) {
    ++summary_.files;
    ASSIGN_OR_RETURN(ParentAndName parent,
                     OpenParentInRoot(writer_.root(), destination_));
    TreePlace place;
    place.directory = parent.parent.get();
    place.name = parent.name;
    place.path = destination_;
    return CopyFile(entry, place);
  }

  // REQUIRES: the directory that holds it was visited.
  TreePlace PlaceOf(const CopyEntry& entry) const {
    TreePlace place;
    place.directory = stack_->fd();
    place.name = entry.path.substr(entry.path.rfind('/') + 1);
    place.path = destination_;
    if (!place.path.empty()) place.path += '/';
    place.path += entry.path;
    return place;
  }

  Status EnterDirectory(const TreePlace& place) {
    ASSIGN_OR_RETURN(uint32_t type, TypeAt(place));
    if (type == 0) {
      RETURN_IF_ERROR(writer_.CreateDirectory(place));
    } else if (type != S_IFDIR) {
      return InvalidArgument("cannot copy to non-directory: /" + place.path);
    } else {
      RETURN_IF_ERROR(writer_.OpenUp(place));
    }
    levels_.push_back({.existed = type != 0});
    return stack_->Push(place.name.c_str());
  }

  Status Leave(const CopyEntry& entry) {
    Level level = levels_.back();
    levels_.pop_back();
    if (levels_.empty()) {
      struct timespec times[2] = {{0, UTIME_OMIT}, level.mtime};
      if (::futimens(stack_->fd(), times) != 0 && errno != EPERM) {
        return ErrnoError("set the time of /" + destination_);
      }
      return {};
    }
    RETURN_IF_ERROR(stack_->Pop());
    TreePlace place = PlaceOf(entry);
    if (level.existed && entry.only_parent) {
      ASSIGN_OR_RETURN(FileMetadata metadata, writer_.Describe(place));
      metadata.mode = entry.file.mode;
      return writer_.Finish(place, metadata);
    }
    return writer_.Finish(place, MetadataOf(entry));
  }

  Status CopyFile(const CopyEntry& entry, const TreePlace& place) {
    RETURN_IF_ERROR(MakeRoomForFile(writer_, place));
    if (rules_.borrowed != nullptr) rules_.borrowed->Forget(place.path);
    if (entry.file.IsRegular()) {
      ASSIGN_OR_RETURN(bool linked, LinkToEarlier(entry, place));
      if (linked) return {};
      RETURN_IF_ERROR(CopyContent(entry, place));
    } else if (entry.file.IsSymlink()) {
      RETURN_IF_ERROR(writer_.CreateSymlink(place, entry.link_target));
    } else {
      RETURN_IF_ERROR(writer_.CreateNode(place, MetadataOf(entry)));
    }
    return writer_.Finish(place, MetadataOf(entry));
  }

  // Makes `place` a hard link if another name of the file was copied before.
  Result<bool> LinkToEarlier(const CopyEntry& entry, const TreePlace& place) {
    if (entry.file.link_count < 2) return false;
    auto [it, is_first] = copied_.try_emplace(entry.file.id, place.path);
    if (is_first) return false;
    return writer_.CreateLink(place, it->second);
  }

  Status CopyContent(const CopyEntry& entry, const TreePlace& place) {
    if (rules_.borrowed != nullptr &&
        BorrowedContent::MayBorrow(entry.file, place.path)) {
      return BorrowContent(entry, place);
    }
    ASSIGN_OR_RETURN(UniqueFd from, entry.Open());
    ASSIGN_OR_RETURN(UniqueFd to, writer_.CreateFile(place));
    auto size_bytes = CopyFileContents(from.get(), to.get());
    if (!size_bytes) {
      return std::move(size_bytes)
          .error()
          .Wrap("copy /" + std::string(entry.tree_path) + " to /" + place.path);
    }
    summary_.content_bytes += *size_bytes;
    if (rules_.on_bytes) rules_.on_bytes(*size_bytes);
    return {};
  }

  // A file of its size, without its content.
  Status BorrowContent(const CopyEntry& entry, const TreePlace& place) {
    ASSIGN_OR_RETURN(UniqueFd to, writer_.CreateFile(place));
    const uint64_t size_bytes = entry.file.size_bytes;
    if (::ftruncate(to.get(), static_cast<off_t>(size_bytes)) != 0) {
      return ErrnoError("set the size of /" + place.path);
    }
    rules_.borrowed->Add(place.path, source_root_, std::string(entry.tree_path),
                         entry.file);
    summary_.content_bytes += size_bytes;
    if (rules_.on_bytes) rules_.on_bytes(size_bytes);
    return {};
  }

  FileMetadata MetadataOf(const CopyEntry& entry) const {
    FileMetadata metadata;
    metadata.mode = entry.file.mode;
    if (rules_.chmod && !entry.file.IsSymlink()) {
      metadata.mode =
          (metadata.mode & S_IFMT) | rules_.chmod->Apply(metadata.mode);
    }
    metadata.owner = rules_.owner.value_or(
        context::FileOwner{entry.file.uid, entry.file.gid});
    metadata.rdev = entry.file.rdev;
    metadata.xattrs = entry.xattrs;
    metadata.mtime = rules_.time.value_or(entry.file.mtime);
    return metadata;
  }

  context::TreeWriter& writer_;
  const std::string& destination_;
  const CopyRules& rules_;
  int source_root_ = -1;
  CopyTreeSummary summary_;
  std::optional<DirectoryStack> stack_;
  std::vector<Level> levels_;                      // as many as `stack_` has
  std::map<context::FileId, std::string> copied_;  // with several names
};

}  // namespace

Status MakeRoomForFile(context::TreeWriter& writer, const TreePlace& place) {
  ASSIGN_OR_RETURN(uint32_t type, TypeAt(place));
  if (type == 0) return {};
  if (type == S_IFDIR) {
    return InvalidArgument("cannot replace to directory /" + place.path +
                           " with file");
  }
  return writer.Remove(place);
}

Result<CopyTreeSummary> CopyMatchTo(const context::SourceTree& tree,
                                    const context::CopyMatch& match,
                                    const context::CopyFilter& filter,
                                    context::TreeWriter& writer,
                                    const std::string& destination,
                                    const CopyRules& rules) {
  return TreeCopier(writer, destination, rules).Run(tree, match, filter);
}

}  // namespace strake::builder::ops
