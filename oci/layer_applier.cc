// A tar is a list of instructions from a stranger. Each entry's directory is
// found by a `DirectoryCursor`, which cannot leave the root; then the entry
// itself is made by name in that directory, always as a new file (O_EXCL,
// mkdir, symlink, link, mknod), after whatever had the name was removed.
//
// Per regular file that is open, write, chown, chmod, utimens, close: six
// system calls and no path resolution.

#include "oci/layer_applier.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "oci/layer_tree.h"
#include "oci/metadata_setter.h"
#include "oci/tar_reader.h"
#include "oci/whiteout.h"
#include "oci/whiteout_applier.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::oci {
namespace {

// Without empty and "." components; `kCorrupt` for what leaves the root.
Result<std::string> NormalizePath(std::string_view path) {
  // Some builders (kaniko) name the root so.
  if (path == "/") return std::string();
  if (path.starts_with('/')) {
    return Corrupt("an absolute name: it would leave the root");
  }
  std::string clean;
  for (std::string_view part : Split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      return Corrupt("\"..\" in a name: it would leave the root");
    }
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  return clean;
}

class Applier {
 public:
  Applier(ByteSource& layer, int root, const LayerApplyOptions& options)
      : layer_(layer),
        reader_(layer),
        setter_(options.journal, options.journal_use),
        contents_(options.contents),
        tree_(root, options,
              [this](int parent, const std::string& name,
                     const std::string& path) {
                return MakeImpliedDirectory(parent, name, path);
              }) {}

  Result<LayerApplySummary> Run() {
    while (true) {
      ASSIGN_OR_RETURN(std::optional<TarHeader> header, reader_.Next());
      if (!header) break;
      ++summary_.entries;
      entry_time_ = header->metadata.mtime;
      Status applied = ApplyEntry(*header);
      if (!applied) {
        return std::move(applied).error().Wrap("layer entry " +
                                               GoQuote(header->path));
      }
    }
    RETURN_IF_ERROR(tree_.ApplyTimes());
    NullSink rest;
    ASSIGN_OR_RETURN(uint64_t trailing_bytes, CopyAll(layer_, rest));
    static_cast<void>(trailing_bytes);
    return std::move(summary_);
  }

 private:
  Status ApplyEntry(const TarHeader& header) {
    ASSIGN_OR_RETURN(std::string path, NormalizePath(header.path));
    if (path.empty()) return ApplyRoot(header);
    DirectoryAndName place = SplitName(path);
    for (std::string_view part : Split(path, '/')) {
      if (ClassifyName(part) == WhiteoutKind::kReserved) return {};
    }
    for (std::string_view part : Split(place.directory, '/')) {
      if (ClassifyName(part) == WhiteoutKind::kNone) continue;
      return Corrupt("a whiteout is no directory");
    }
    switch (ClassifyName(place.name)) {
      case WhiteoutKind::kInvalid:
        return Corrupt("a whiteout of nothing");
      case WhiteoutKind::kOpaque:
        return ApplyOpaqueWhiteout(tree_, place.directory);
      case WhiteoutKind::kDelete:
        return ApplyWhiteout(tree_, place.directory,
                             std::string(WhiteoutTarget(place.name)));
      default:
        return MakeEntry(header, place);
    }
  }

  Status MakeEntry(const TarHeader& header, const DirectoryAndName& place) {
    ASSIGN_OR_RETURN(const DirectoryCursor::Location* directory,
                     tree_.making().Enter(place.directory));
    tree_.TouchDirectory(directory->path);
    tree_.KeepTime(*directory);
    std::string path = JoinPath(directory->path, place.name);
    RETURN_IF_ERROR(Make(header, directory->fd, place.name, path));
    tree_.TouchEntry(path);
    return {};
  }

  Status Make(const TarHeader& header, int directory, const std::string& name,
              const std::string& path) {
    if (!header.hard_link_target.empty()) {
      return MakeHardLink(header.hard_link_target, directory, name, path);
    }
    switch (header.metadata.mode & S_IFMT) {
      case S_IFREG:
        return MakeFile(header.metadata, directory, name, path);
      case S_IFDIR:
        return MakeDirectory(header.metadata, directory, name, path);
      case S_IFLNK:
        return MakeSymlink(header.metadata, directory, name, path);
      case S_IFCHR:
      case S_IFBLK:
      case S_IFIFO:
        return MakeNode(header.metadata, directory, name, path);
      default:
        return Unsupported("a kind of file that a layer cannot hold");
    }
  }

  Status MakeFile(const FileMetadata& metadata, int directory,
                  const std::string& name, const std::string& path) {
    UniqueFd fd;
    RETURN_IF_ERROR(tree_.MakeNew(directory, name, path, [&] {
      fd.reset(::openat(directory, name.c_str(),
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        0600));
      return fd ? 0 : -1;
    }));
    RETURN_IF_ERROR(WantsContent(path)
                        ? WriteContent(fd.get(), metadata.size_bytes)
                        : Extend(fd.get(), metadata.size_bytes));
    RETURN_IF_ERROR(setter_.SetFile(fd.get(), path, metadata));
    // A full disk may show only here.
    if (::close(fd.release()) != 0) return ErrnoError("cannot finish it");
    return {};
  }

  bool WantsContent(std::string_view path) const {
    return contents_ == LayerContents::kAll || path == "etc/passwd" ||
           path == "etc/group";
  }

  static Status Extend(int fd, uint64_t size_bytes) {
    if (::ftruncate(fd, static_cast<off_t>(size_bytes)) != 0) {
      return ErrnoError("cannot write it");
    }
    return {};
  }

  Status WriteContent(int fd, uint64_t size_bytes) {
    uint64_t end = 0;
    while (true) {
      ASSIGN_OR_RETURN(std::optional<TarContent> piece, reader_.NextContent());
      if (!piece) break;
      if (piece->data.empty()) continue;
      if (piece->offset != end &&
          ::lseek(fd, static_cast<off_t>(piece->offset), SEEK_SET) < 0) {
        return ErrnoError("cannot write it");
      }
      RETURN_IF_ERROR(WriteFully(fd, piece->data));
      end = piece->offset + piece->data.size();
    }
    summary_.content_bytes += size_bytes;
    // A sparse file may end in a hole.
    return end < size_bytes ? Extend(fd, size_bytes) : Status();
  }

  Status MakeDirectory(const FileMetadata& metadata, int directory,
                       const std::string& name, const std::string& path) {
    RETURN_IF_ERROR(MakeOrKeepDirectory(directory, name, path));
    ASSIGN_OR_RETURN(UniqueFd fd, OpenDirectoryAt(directory, name.c_str()));
    RETURN_IF_ERROR(setter_.SetDirectory(fd.get(), path, metadata));
    tree_.SetTime(path, metadata.mtime);
    return {};
  }

  Status MakeOrKeepDirectory(int directory, const std::string& name,
                             const std::string& path) {
    if (::mkdirat(directory, name.c_str(), 0700) == 0) return {};
    if (errno != EEXIST) return ErrnoError("cannot make it");
    struct stat info;
    if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoError("cannot stat it");
    }
    if (S_ISDIR(info.st_mode)) return {};
    RETURN_IF_ERROR(tree_.RemoveExisting(directory, name, path));
    if (::mkdirat(directory, name.c_str(), 0700) != 0) {
      return ErrnoError("cannot make it");
    }
    // The layer deleted what was below before it made this directory: nothing
    // of a directory there may show through.
    if (tree_.for_overlay() && IsOverlayWhiteout(info)) {
      return tree_.SetOpaque(directory, name);
    }
    return {};
  }

  // A directory that the layer names as part of a path only.
  Status MakeImpliedDirectory(int parent, const std::string& name,
                              const std::string& path) {
    struct stat info;
    if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        !(tree_.for_overlay() && IsOverlayWhiteout(info))) {
      return Corrupt(GoQuote(path) + ", which it is in, is no directory");
    }
    FileMetadata metadata;
    metadata.mode = S_IFDIR | 0755;
    // Not the clock: equal layers make equal trees.
    metadata.mtime = entry_time_;
    RETURN_IF_ERROR(MakeDirectory(metadata, parent, name, path));
    summary_.implied_directories.push_back(path);
    return {};
  }

  Status MakeSymlink(const FileMetadata& metadata, int directory,
                     const std::string& name, const std::string& path) {
    RETURN_IF_ERROR(tree_.MakeNew(directory, name, path, [&] {
      return ::symlinkat(metadata.link_target.c_str(), directory, name.c_str());
    }));
    return setter_.SetSpecial(directory, name, path, metadata, false);
  }

  Status MakeNode(const FileMetadata& metadata, int directory,
                  const std::string& name, const std::string& path) {
    if (tree_.for_overlay() && S_ISCHR(metadata.mode) && metadata.rdev == 0) {
      return Unsupported(
          "a character device 0:0 cannot be kept in an overlay, where it means "
          "a deleted file");
    }
    bool is_stand_in = false;
    RETURN_IF_ERROR(tree_.MakeNew(directory, name, path, [&] {
      if (S_ISFIFO(metadata.mode) || !setter_.records_all()) {
        int made = ::mknodat(directory, name.c_str(),
                             (metadata.mode & S_IFMT) | 0600, metadata.rdev);
        if (made == 0 || S_ISFIFO(metadata.mode) ||
            !setter_.Recordable(errno)) {
          return made;
        }
      }
      is_stand_in = true;
      return ::mknodat(directory, name.c_str(), S_IFREG | 0600, 0);
    }));
    return setter_.SetSpecial(directory, name, path, metadata, is_stand_in);
  }

  Status MakeHardLink(const std::string& target, int directory,
                      const std::string& name, const std::string& path) {
    auto linked = LinkTo(target, directory, name, path);
    if (!linked) {
      return std::move(linked).error().Wrap("hard link to " + GoQuote(target));
    }
    OwnershipJournal* journal = tree_.journal();
    if (journal == nullptr) return {};
    if (const VirtualMetadata* meant = journal->Find(*linked)) {
      journal->Set(path, VirtualMetadata(*meant));
    }
    return {};
  }

  // The resolved path of what was linked to.
  Result<std::string> LinkTo(const std::string& target, int directory,
                             const std::string& name, const std::string& path) {
    // The path that some builders (kaniko) saw the target at, in the root.
    ASSIGN_OR_RETURN(
        std::string clean,
        NormalizePath(target.starts_with('/') ? target.substr(1) : target));
    DirectoryAndName place = SplitName(clean);
    auto where = tree_.existing().Enter(place.directory);
    if (!where && where.error().code() == ErrorCode::kNotFound) {
      return Corrupt("there is no such directory");
    }
    if (!where) return std::move(where).error();
    int there = (*where)->fd;
    std::string target_path = JoinPath((*where)->path, place.name);
    struct stat info;
    if (clean.empty() ||
        ::fstatat(there, place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        (tree_.for_overlay() && IsOverlayWhiteout(info))) {
      return Corrupt("there is no such file in the layer");
    }
    if (S_ISDIR(info.st_mode)) return Corrupt("it is a directory");
    // A link to itself must not remove its target.
    struct stat here;
    if (::fstatat(directory, name.c_str(), &here, AT_SYMLINK_NOFOLLOW) == 0 &&
        here.st_dev == info.st_dev && here.st_ino == info.st_ino) {
      return target_path;
    }
    RETURN_IF_ERROR(tree_.MakeNew(directory, name, path, [&] {
      return ::linkat(there, place.name.c_str(), directory, name.c_str(), 0);
    }));
    return target_path;
  }

  Status ApplyRoot(const TarHeader& header) {
    if (!S_ISDIR(header.metadata.mode) || !header.hard_link_target.empty()) {
      return Corrupt("the root can only be a directory");
    }
    ASSIGN_OR_RETURN(UniqueFd fd, OpenDirectoryAt(tree_.root(), "."));
    RETURN_IF_ERROR(setter_.SetDirectory(fd.get(), "", header.metadata));
    tree_.SetTime("", header.metadata.mtime);
    return {};
  }

  ByteSource& layer_;
  TarReader reader_;
  MetadataSetter setter_;
  const LayerContents contents_;
  LayerTree tree_;
  LayerApplySummary summary_;
  std::chrono::nanoseconds entry_time_{0};
};

}  // namespace

Result<LayerApplySummary> ApplyLayer(ByteSource& layer, int root,
                                     const LayerApplyOptions& options) {
  return Applier(layer, root, options).Run();
}

}  // namespace strake::oci
