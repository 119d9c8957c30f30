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
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <unordered_set>

#include "oci/directory_cursor.h"
#include "oci/metadata_setter.h"
#include "oci/tar_reader.h"
#include "oci/whiteout.h"
#include "util/directory.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::oci {
namespace {

// Without empty and "." components; `kCorrupt` for what leaves the root.
Result<std::string> NormalizePath(std::string_view path) {
  if (path.starts_with('/')) {
    return Corrupt("an absolute name: it would leave the root");
  }
  std::string clean;
  for (std::string_view part : Split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..")
      return Corrupt("\"..\" in a name: it would leave the root");
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  return clean;
}

struct DirectoryAndName {
  std::string_view directory;
  std::string name;
};

DirectoryAndName SplitName(std::string_view path) {
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", std::string(path)};
  return {path.substr(0, slash), std::string(path.substr(slash + 1))};
}

std::string JoinPath(const std::string& directory, std::string_view name) {
  if (directory.empty()) return std::string(name);
  return directory + "/" + std::string(name);
}

bool IsOverlayWhiteout(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == 0;
}

class Applier {
 public:
  Applier(ByteSource& layer, int root, const LayerApplyOptions& options)
      : layer_(layer),
        root_(root),
        options_(options),
        reader_(layer),
        setter_(options.journal),
        cursor_(root,
                [this](int parent, const std::string& name,
                       const std::string& path) {
                  return MakeImpliedDirectory(parent, name, path);
                }),
        existing_(root) {}

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
    RETURN_IF_ERROR(SetDirectoryTimes());
    NullSink rest;
    ASSIGN_OR_RETURN(uint64_t trailing_bytes, CopyAll(layer_, rest));
    static_cast<void>(trailing_bytes);
    return std::move(summary_);
  }

 private:
  bool MergesIntoOverlay() const {
    return options_.whiteouts != WhiteoutForm::kDelete;
  }

  Status ApplyEntry(const TarHeader& header) {
    ASSIGN_OR_RETURN(std::string path, NormalizePath(header.path));
    if (path.empty()) return ApplyRoot(header);
    for (std::string_view part : Split(path, '/')) {
      if (ClassifyName(part) == WhiteoutKind::kReserved) return {};
    }
    DirectoryAndName place = SplitName(path);
    for (std::string_view part : Split(place.directory, '/')) {
      if (ClassifyName(part) != WhiteoutKind::kNone) {
        return Corrupt("a whiteout is no directory");
      }
    }
    switch (ClassifyName(place.name)) {
      case WhiteoutKind::kInvalid:
        return Corrupt("a whiteout of nothing");
      case WhiteoutKind::kOpaque:
        return ApplyOpaque(place.directory);
      case WhiteoutKind::kDelete:
        return ApplyWhiteout(place.directory,
                             std::string(WhiteoutTarget(place.name)));
      default:
        break;
    }
    ASSIGN_OR_RETURN(const DirectoryCursor::Location* directory,
                     cursor_.Enter(place.directory));
    Touch(directory->path);
    KeepTime(*directory);
    std::string full = JoinPath(directory->path, place.name);
    RETURN_IF_ERROR(Make(header, directory->fd, place.name, full));
    if (!MergesIntoOverlay()) touched_.insert(std::move(full));
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

  // --- One kind of file each ------------------------------------------------

  Status MakeFile(const FileMetadata& metadata, int directory,
                  const std::string& name, const std::string& path) {
    UniqueFd fd;
    RETURN_IF_ERROR(MakeNew(directory, name, path, [&] {
      fd.reset(::openat(directory, name.c_str(),
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        0600));
      return fd ? 0 : -1;
    }));
    RETURN_IF_ERROR(WriteContent(fd.get(), metadata.size_bytes));
    RETURN_IF_ERROR(setter_.SetFile(fd.get(), path, metadata));
    // A full disk may show only here.
    if (::close(fd.release()) != 0) return ErrnoError("cannot finish it");
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
    if (end < size_bytes && ::ftruncate(fd, static_cast<off_t>(size_bytes))) {
      return ErrnoError("cannot write it");
    }
    return {};
  }

  Status MakeDirectory(const FileMetadata& metadata, int directory,
                       const std::string& name, const std::string& path) {
    RETURN_IF_ERROR(MakeOrKeepDirectory(directory, name, path));
    ASSIGN_OR_RETURN(UniqueFd fd, OpenDirectory(directory, name.c_str()));
    RETURN_IF_ERROR(setter_.SetDirectory(fd.get(), path, metadata));
    times_[path] = metadata.mtime;
    return {};
  }

  static Result<UniqueFd> OpenDirectory(int directory, const char* name) {
    return OpenFileAt(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
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
    RETURN_IF_ERROR(RemoveExisting(directory, name, path));
    if (::mkdirat(directory, name.c_str(), 0700) != 0) {
      return ErrnoError("cannot make it");
    }
    // The layer deleted what was below before it made this directory: nothing
    // of a directory there may show through.
    if (MergesIntoOverlay() && IsOverlayWhiteout(info)) {
      return SetOpaque(directory, name);
    }
    return {};
  }

  // A directory that the layer names as part of a path only.
  Status MakeImpliedDirectory(int parent, const std::string& name,
                              const std::string& path) {
    struct stat info;
    if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        !(MergesIntoOverlay() && IsOverlayWhiteout(info))) {
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
    RETURN_IF_ERROR(MakeNew(directory, name, path, [&] {
      return ::symlinkat(metadata.link_target.c_str(), directory, name.c_str());
    }));
    return setter_.SetSpecial(directory, name, path, metadata, false);
  }

  Status MakeNode(const FileMetadata& metadata, int directory,
                  const std::string& name, const std::string& path) {
    if (MergesIntoOverlay() && S_ISCHR(metadata.mode) && metadata.rdev == 0) {
      return Unsupported(
          "a character device 0:0 cannot be kept in an overlay, where it means "
          "a deleted file");
    }
    bool is_stand_in = false;
    RETURN_IF_ERROR(MakeNew(directory, name, path, [&] {
      int made = ::mknodat(directory, name.c_str(),
                           (metadata.mode & S_IFMT) | 0600, metadata.rdev);
      if (made == 0 || S_ISFIFO(metadata.mode) || !setter_.Recordable(errno)) {
        return made;
      }
      is_stand_in = true;
      return ::mknodat(directory, name.c_str(), S_IFREG | 0600, 0);
    }));
    return setter_.SetSpecial(directory, name, path, metadata, is_stand_in);
  }

  Status MakeHardLink(const std::string& target, int directory,
                      const std::string& name, const std::string& path) {
    auto bad_target = [&](Error error) {
      return std::move(error).Wrap("hard link to " + GoQuote(target));
    };
    auto clean = NormalizePath(target);
    if (!clean) return bad_target(std::move(clean).error());
    DirectoryAndName place = SplitName(*clean);
    auto where = existing_.Enter(place.directory);
    if (!where && where.error().code() == ErrorCode::kNotFound) {
      return bad_target(Corrupt("there is no such directory"));
    }
    if (!where) return bad_target(std::move(where).error());
    struct stat info;
    if (clean->empty() ||
        ::fstatat((*where)->fd, place.name.c_str(), &info,
                  AT_SYMLINK_NOFOLLOW) != 0 ||
        (MergesIntoOverlay() && IsOverlayWhiteout(info))) {
      return bad_target(Corrupt("there is no such file in the layer"));
    }
    if (S_ISDIR(info.st_mode)) return bad_target(Corrupt("it is a directory"));
    // A link to itself must not remove its target.
    struct stat here;
    if (::fstatat(directory, name.c_str(), &here, AT_SYMLINK_NOFOLLOW) == 0 &&
        here.st_dev == info.st_dev && here.st_ino == info.st_ino) {
      return {};
    }
    std::string target_path = JoinPath((*where)->path, place.name);
    int target_directory = (*where)->fd;
    RETURN_IF_ERROR(MakeNew(directory, name, path, [&] {
      return ::linkat(target_directory, place.name.c_str(), directory,
                      name.c_str(), 0);
    }));
    if (options_.journal != nullptr) {
      if (const auto* meant = options_.journal->Find(target_path)) {
        options_.journal->Set(path, VirtualMetadata(*meant));
      }
    }
    return {};
  }

  Status ApplyRoot(const TarHeader& header) {
    if (!S_ISDIR(header.metadata.mode) || !header.hard_link_target.empty()) {
      return Corrupt("the root can only be a directory");
    }
    ASSIGN_OR_RETURN(UniqueFd fd, OpenDirectory(root_, "."));
    RETURN_IF_ERROR(setter_.SetDirectory(fd.get(), "", header.metadata));
    times_[""] = header.metadata.mtime;
    return {};
  }

  // --- Deletions ------------------------------------------------------------

  Status ApplyWhiteout(std::string_view directory_path,
                       const std::string& name) {
    DirectoryCursor& cursor = MergesIntoOverlay() ? cursor_ : existing_;
    auto entered = cursor.Enter(directory_path);
    if (!entered) {
      // Nothing there, nothing to delete.
      if (entered.error().code() == ErrorCode::kNotFound) return {};
      return std::move(entered).error();
    }
    const DirectoryCursor::Location& directory = **entered;
    std::string path = JoinPath(directory.path, name);
    KeepTime(directory);
    if (MergesIntoOverlay()) return MarkDeleted(directory.fd, name);
    // A whiteout concerns the layers below, never what its own layer has.
    if (!touched_.contains(path)) {
      return RemoveExisting(directory.fd, name, path);
    }
    return RemoveUntouched(directory.fd, name, path);
  }

  Status MarkDeleted(int directory, const std::string& name) {
    if (::mknodat(directory, name.c_str(), S_IFCHR, 0) == 0) return {};
    if (errno != EEXIST) return ErrnoError("cannot make an overlay whiteout");
    struct stat info;
    if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoError("cannot stat it");
    }
    // What is there is of this layer; only a directory lets anything through.
    if (!S_ISDIR(info.st_mode)) return {};
    return SetOpaque(directory, name);
  }

  Status ApplyOpaque(std::string_view directory_path) {
    if (MergesIntoOverlay()) {
      if (directory_path.empty()) {
        return Unsupported(
            "an opaque whiteout of the root cannot be kept in an overlay");
      }
      ASSIGN_OR_RETURN(const DirectoryCursor::Location* directory,
                       cursor_.Enter(directory_path));
      return SetOpaque(directory->fd, ".");
    }
    auto entered = existing_.Enter(directory_path);
    if (!entered) {
      if (entered.error().code() == ErrorCode::kNotFound) return {};
      return std::move(entered).error();
    }
    KeepTime(**entered);
    std::string path = (*entered)->path;
    return RemoveUntouched((*entered)->fd, ".", path);
  }

  Status SetOpaque(int directory, const std::string& name) {
    ASSIGN_OR_RETURN(UniqueFd fd, OpenDirectory(directory, name.c_str()));
    const char* key = options_.whiteouts == WhiteoutForm::kOverlayTrusted
                          ? "trusted.overlay.opaque"
                          : "user.overlay.opaque";
    if (::fsetxattr(fd.get(), key, "y", 1, 0) == 0) return {};
    return ErrnoError("cannot mark the directory opaque for overlay");
  }

  // Removes what the directory `name` (resolved: `path`) has from the layers
  // below, at any depth, and keeps what this layer put there.
  Status RemoveUntouched(int parent, const std::string& name,
                         const std::string& path) {
    struct stat info;
    if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISDIR(info.st_mode)) {
      return {};
    }
    ASSIGN_OR_RETURN(UniqueFd top, OpenDirectory(parent, name.c_str()));
    struct Level {
      std::string path;
      std::vector<DirectoryEntry> entries;
    };
    DirectoryStack stack(std::move(top));
    std::vector<Level> levels(1);
    levels[0].path = path;
    ASSIGN_OR_RETURN(levels[0].entries, ListDirectory(stack.fd()));
    while (true) {
      Level& level = levels.back();
      if (level.entries.empty()) {
        levels.pop_back();
        if (levels.empty()) break;
        RETURN_IF_ERROR(stack.Pop());
        continue;
      }
      std::string child = std::move(level.entries.back().name);
      level.entries.pop_back();
      std::string child_path = JoinPath(level.path, child);
      if (!touched_.contains(child_path)) {
        RETURN_IF_ERROR(RemoveExisting(stack.fd(), child, child_path));
        continue;
      }
      if (::fstatat(stack.fd(), child.c_str(), &info, AT_SYMLINK_NOFOLLOW) ||
          !S_ISDIR(info.st_mode)) {
        continue;
      }
      RETURN_IF_ERROR(stack.Push(child.c_str()));
      Level next;
      next.path = std::move(child_path);
      ASSIGN_OR_RETURN(next.entries, ListDirectory(stack.fd()));
      levels.push_back(std::move(next));
    }
    return {};
  }

  // --- Replacing ------------------------------------------------------------

  // Calls `make`, a system call that refuses existing names, and where it
  // does, once more after the name was removed.
  template <typename MakeCall>
  Status MakeNew(int directory, const std::string& name,
                 const std::string& path, MakeCall make) {
    if (make() == 0) return {};
    if (errno == EEXIST) {
      RETURN_IF_ERROR(RemoveExisting(directory, name, path));
      if (make() == 0) return {};
    }
    return ErrnoError("cannot make it");
  }

  // Removes whatever has the name; nothing is fine.
  Status RemoveExisting(int directory, const std::string& name,
                        const std::string& path) {
    bool journaled = options_.journal != nullptr && !options_.journal->empty();
    if (::unlinkat(directory, name.c_str(), 0) == 0) {
      cursor_.ForgetRemovedFile();
      existing_.ForgetRemovedFile();
      if (journaled) options_.journal->Remove(path);
      return {};
    }
    if (errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) {
      return ErrnoError("cannot remove what is there");
    }
    RETURN_IF_ERROR(RemoveAllAt(directory, name.c_str()));
    cursor_.ForgetRemovedDirectory();
    existing_.ForgetRemovedDirectory();
    if (journaled) options_.journal->Remove(path);
    times_.erase(path);
    std::string below = path + "/";
    auto it = times_.lower_bound(below);
    while (it != times_.end() && it->first.starts_with(below)) {
      it = times_.erase(it);
    }
    return {};
  }

  // --- Bookkeeping ----------------------------------------------------------

  // Marks a directory, and all that it is in, as part of this layer.
  void Touch(const std::string& directory) {
    if (MergesIntoOverlay() || directory == last_touched_) return;
    last_touched_ = directory;
    std::string_view path = directory;
    while (!path.empty() && touched_.emplace(path).second) {
      path = SplitName(path).directory;
    }
  }

  // A directory that the layer does not describe keeps its time, whatever is
  // put into it.
  void KeepTime(const DirectoryCursor::Location& directory) {
    if (directory.path == last_kept_ && kept_any_) return;
    kept_any_ = true;
    last_kept_ = directory.path;
    if (times_.contains(directory.path)) return;
    struct stat info;
    if (::fstatat(directory.fd, "", &info, AT_EMPTY_PATH) != 0) return;
    times_[directory.path] = std::chrono::seconds(info.st_mtim.tv_sec) +
                             std::chrono::nanoseconds(info.st_mtim.tv_nsec);
  }

  Status SetDirectoryTimes() {
    DirectoryCursor cursor(root_);
    for (const auto& [path, time] : times_) {
      DirectoryAndName place = SplitName(path);
      ASSIGN_OR_RETURN(const DirectoryCursor::Location* directory,
                       cursor.Enter(place.directory));
      auto seconds = std::chrono::floor<std::chrono::seconds>(time);
      timespec times[2] = {};
      times[0].tv_nsec = UTIME_OMIT;
      times[1].tv_sec = static_cast<time_t>(seconds.count());
      times[1].tv_nsec = static_cast<long>((time - seconds).count());
      const char* name = path.empty() ? "." : place.name.c_str();
      if (::utimensat(directory->fd, name, times, AT_SYMLINK_NOFOLLOW) != 0) {
        return ErrnoError("cannot set the time of " + GoQuote(path));
      }
    }
    return {};
  }

  ByteSource& layer_;
  int root_;
  const LayerApplyOptions& options_;
  TarReader reader_;
  MetadataSetter setter_;
  DirectoryCursor cursor_;    // makes what is missing
  DirectoryCursor existing_;  // does not
  LayerApplySummary summary_;
  std::chrono::nanoseconds entry_time_{0};
  // Directories' times, set when nothing is made in them any more.
  std::map<std::string, std::chrono::nanoseconds> times_;
  // kDelete only: paths of this layer's entries and of the directories that
  // they are in, which its whiteouts do not concern.
  std::unordered_set<std::string> touched_;
  std::string last_touched_;
  std::string last_kept_;
  bool kept_any_ = false;
};

}  // namespace

Result<LayerApplySummary> ApplyLayer(ByteSource& layer, int root,
                                     const LayerApplyOptions& options) {
  return Applier(layer, root, options).Run();
}

}  // namespace strake::oci
