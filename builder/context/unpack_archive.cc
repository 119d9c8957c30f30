#include "builder/context/unpack_archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "builder/context/archive_reader.h"
#include "builder/context/copy_walk.h"
#include "builder/context/source_stat.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder::context {
namespace {

class Unpacker {
 public:
  Unpacker(ArchiveReader& reader, TreeWriter& writer, std::string_view base,
           UniqueFd base_fd, const UnpackOptions& options)
      : reader_(reader),
        writer_(writer),
        base_(base),
        base_fd_(std::move(base_fd)),
        options_(options) {}

  Result<UnpackSummary> Run() {
    while (true) {
      if (options_.stop.stop_requested()) return Cancelled("unpacking stopped");
      ASSIGN_OR_RETURN(std::optional<ArchiveEntry> entry, reader_.Next());
      if (!entry) break;
      RETURN_IF_ERROR(Unpack(*std::move(entry)));
    }
    for (const auto& [path, metadata] : directories_) {
      RETURN_IF_ERROR(writer_.FinishPath(JoinPath(base_, path), metadata));
    }
    return summary_;
  }

 private:
  Status Unpack(ArchiveEntry entry) {
    std::string path = CleanPath("/" + entry.name).substr(1);
    // The directory that is unpacked into stays as it is.
    if (path.empty()) return {};
    ++summary_.entries;
    if (options_.owner) entry.metadata.owner = *options_.owner;
    std::erase_if(entry.metadata.xattrs,
                  [](const auto& xattr) { return !CopiesXattr(xattr.first); });
    RETURN_IF_ERROR(EnterParent(ParentPath(path)));
    TreePlace place;
    place.directory = parent_fd_.get();
    place.name = BaseName(path);
    place.path = JoinPath(base_, JoinPath(parent_, place.name));
    if (entry.is_hard_link) return MakeHardLink(entry, place);

    bool is_directory = S_ISDIR(entry.metadata.mode);
    ASSIGN_OR_RETURN(bool kept, MakeRoom(place, is_directory));
    if (is_directory) {
      if (!kept) RETURN_IF_ERROR(writer_.CreateDirectory(place));
      RETURN_IF_ERROR(writer_.OpenUp(place));
      directories_[JoinPath(parent_, place.name)] = entry.metadata;
      return {};
    }
    return MakeFile(entry, place);
  }

  Status MakeFile(const ArchiveEntry& entry, const TreePlace& place) {
    uint32_t mode = entry.metadata.mode;
    if (S_ISREG(mode)) {
      ASSIGN_OR_RETURN(UniqueFd fd, writer_.CreateFile(place));
      ASSIGN_OR_RETURN(uint64_t size_bytes,
                       reader_.WriteContent(fd.get(), options_.on_bytes));
      summary_.content_bytes += size_bytes;
    } else if (S_ISLNK(mode)) {
      RETURN_IF_ERROR(writer_.CreateSymlink(place, entry.link_name));
    } else {
      RETURN_IF_ERROR(writer_.CreateNode(place, entry.metadata));
    }
    return writer_.Finish(place, entry.metadata);
  }

  Status MakeHardLink(const ArchiveEntry& entry, const TreePlace& place) {
    std::string target = CleanPath("/" + entry.link_name).substr(1);
    ASSIGN_OR_RETURN(std::string parent,
                     ResolveInRoot(base_fd_.get(), ParentPath(target)));
    std::string resolved = JoinPath(parent, BaseName(target));
    ASSIGN_OR_RETURN(std::optional<struct stat> st,
                     StatInRoot(base_fd_.get(), resolved, FollowLast::kNo));
    std::string what =
        "hard link " + entry.name + " to " + entry.link_name + ": ";
    if (!st) return Corrupt(what + "there is no such file");
    if (S_ISDIR(st->st_mode)) return Corrupt(what + "a directory");
    std::string existing = JoinPath(base_, resolved);
    if (existing == place.path) return {};
    RETURN_IF_ERROR(MakeRoom(place, false));
    ASSIGN_OR_RETURN(bool made, writer_.CreateLink(place, existing));
    if (!made) {
      return IoError(what + "the file system allows no more links to it");
    }
    return {};
  }

  // Removes what is at `place`, unless that and what comes are directories.
  // Returns whether it was kept.
  Result<bool> MakeRoom(const TreePlace& place, bool for_directory) {
    struct stat st;
    if (::fstatat(place.directory, place.name.c_str(), &st,
                  AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return false;
      return ErrnoError("stat /" + place.path);
    }
    bool is_directory = S_ISDIR(st.st_mode);
    if (is_directory && for_directory) return true;
    RETURN_IF_ERROR(writer_.Remove(place));
    if (is_directory) ForgetDirectories(JoinPath(parent_, place.name));
    return false;
  }

  // A directory that was replaced is not finished.
  void ForgetDirectories(const std::string& path) {
    std::erase_if(directories_, [&](const auto& item) {
      return item.first == path || item.first.starts_with(path + "/");
    });
  }

  // Makes `path` the directory at hand, resolved inside the base.
  Status EnterParent(std::string_view path) {
    if (parent_fd_ && path == parent_name_) return {};
    ASSIGN_OR_RETURN(parent_, ResolveInRoot(base_fd_.get(), path));
    ASSIGN_OR_RETURN(std::vector<std::string> made,
                     writer_.MakeDirectories(JoinPath(base_, parent_)));
    FileMetadata implied;
    implied.mode = S_IFDIR | 0755;
    ::clock_gettime(CLOCK_REALTIME, &implied.mtime);
    for (const std::string& directory : made) {
      size_t skip = base_.empty() ? 0 : base_.size() + 1;
      directories_[directory.substr(skip)] = implied;
    }
    ASSIGN_OR_RETURN(parent_fd_,
                     OpenInRoot(base_fd_.get(), parent_, O_PATH | O_DIRECTORY));
    parent_name_ = path;
    return {};
  }

  ArchiveReader& reader_;
  TreeWriter& writer_;
  const std::string base_;
  UniqueFd base_fd_;
  const UnpackOptions& options_;
  UnpackSummary summary_;
  // The directory of the last entry: as the archive names it, and resolved.
  std::string parent_name_;
  std::string parent_;
  UniqueFd parent_fd_;
  // To be finished, by path below the base.
  std::map<std::string, FileMetadata> directories_;
};

}  // namespace

Result<std::string_view> PeekSource::Peek(size_t bytes) {
  while (head_.size() < bytes) {
    size_t have = head_.size();
    head_.resize(bytes);
    auto count =
        source_.Read(std::as_writable_bytes(std::span(head_).subspan(have)));
    head_.resize(have + (count ? *count : 0));
    if (!count) return std::move(count).error();
    if (*count == 0) break;
  }
  return std::string_view(head_).substr(0, bytes);
}

Result<size_t> PeekSource::Read(std::span<std::byte> buffer) {
  if (read_ == head_.size()) return source_.Read(buffer);
  size_t count = std::min(buffer.size(), head_.size() - read_);
  std::memcpy(buffer.data(), head_.data() + read_, count);
  read_ += count;
  return count;
}

bool IsArchive(ByteSource& stream) {
  auto reader = ArchiveReader::Open(stream);
  if (!reader) return false;
  auto entry = reader->Next();
  return entry && entry->has_value();
}

Result<UnpackSummary> UnpackArchive(ByteSource& stream, TreeWriter& writer,
                                    std::string_view base,
                                    const UnpackOptions& options) {
  ASSIGN_OR_RETURN(ArchiveReader reader, ArchiveReader::Open(stream));
  ASSIGN_OR_RETURN(UniqueFd base_fd,
                   OpenInRoot(writer.root(), base, O_RDONLY | O_DIRECTORY));
  return Unpacker(reader, writer, base, std::move(base_fd), options).Run();
}

}  // namespace strake::builder::context
