// `changes` on disk: the line "strake-delta 1", then one record a change:
//
//   kind     'P' present, 'D' deleted, 'L' a leading directory
//   path     and a zero byte
//
// and but for 'D': mode, uid, gid, size, mtime in nanoseconds, rdev, device,
// inode and link count as 8 bytes each, lowest first; then the link target, the
// number of extended attributes, and name and value of each, where texts are
// their size in 8 bytes and themselves. As a scan, it never leaves its machine.

#include "builder/snapshot/snapshot_delta.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "builder/snapshot/opened_way.h"
#include "builder/snapshot/root_attributes.h"
#include "util/byte_stream.h"
#include "util/file_copy.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/tree_walk.h"

namespace strake::builder::snapshot {
namespace {

constexpr std::string_view kHeader = "strake-delta 1\n";
constexpr const char* kFiles = "delta";
constexpr const char* kList = "changes";

class Writer {
 public:
  void Number(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) {
      bytes_ += static_cast<char>(number >> shift & 0xff);
    }
  }
  void Text(std::string_view text) {
    Number(text.size());
    bytes_ += text;
  }
  void Record(char kind, const oci::Change& change) {
    bytes_ += kind;
    bytes_ += change.path;
    bytes_ += '\0';
    if (kind != 'D') Metadata(change.metadata);
  }
  std::string Finish() && { return std::move(bytes_); }

 private:
  void Metadata(const oci::FileMetadata& metadata) {
    Number(metadata.mode);
    Number(metadata.uid);
    Number(metadata.gid);
    Number(metadata.size_bytes);
    Number(static_cast<uint64_t>(metadata.mtime.count()));
    Number(metadata.rdev);
    Number(metadata.device);
    Number(metadata.inode);
    Number(metadata.link_count);
    Text(metadata.link_target);
    Number(metadata.xattrs.size());
    for (const auto& [name, value] : metadata.xattrs) {
      Text(name);
      Text(value);
    }
  }

  std::string bytes_{kHeader};
};

// After a failure everything reads as empty.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool done() const { return bytes_.empty(); }
  bool failed() const { return failed_; }

  uint64_t Number() {
    const std::string_view taken = Take(8);
    uint64_t number = 0;
    for (size_t i = taken.size(); i-- > 0;) {
      number = number << 8 | static_cast<unsigned char>(taken[i]);
    }
    return number;
  }
  std::string Text() { return std::string(Take(Number())); }
  std::string Path() {
    const size_t end = bytes_.find('\0');
    if (end == std::string_view::npos) {
      Take(bytes_.size() + 1);
      return "";
    }
    std::string path(Take(end));
    Take(1);
    return path;
  }
  char Kind() {
    const std::string_view taken = Take(1);
    return taken.empty() ? '\0' : taken[0];
  }
  oci::FileMetadata Metadata() {
    oci::FileMetadata metadata;
    metadata.mode = static_cast<uint32_t>(Number());
    metadata.uid = static_cast<uint32_t>(Number());
    metadata.gid = static_cast<uint32_t>(Number());
    metadata.size_bytes = Number();
    metadata.mtime = std::chrono::nanoseconds(static_cast<int64_t>(Number()));
    metadata.rdev = Number();
    metadata.device = Number();
    metadata.inode = Number();
    metadata.link_count = Number();
    metadata.link_target = Text();
    const uint64_t xattrs = Number();
    for (uint64_t i = 0; i < xattrs && !failed_; ++i) {
      std::string name = Text();
      metadata.xattrs[std::move(name)] = Text();
    }
    return metadata;
  }

 private:
  std::string_view Take(uint64_t count) {
    if (count > bytes_.size()) {
      failed_ = true;
      bytes_ = {};
      return {};
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

  std::string_view bytes_;
  bool failed_ = false;
};

// Copies the changed files of a tree into a directory of their own, which is
// this process's alone, whatever the modes of theirs are.
class FileSaver {
 public:
  FileSaver(int from, int to) : from_(from), to_(to) {}

  Status Save(const oci::Change& change) {
    if (change.kind != oci::ChangeKind::kPresent ||
        !S_ISREG(change.metadata.mode)) {
      return {};
    }
    RETURN_IF_ERROR(MakeDirectories(change.path));
    ASSIGN_OR_RETURN(bool linked, LinkToFirst(change));
    if (linked) return {};
    ASSIGN_OR_RETURN(UniqueFd from, Open(change.path));
    ASSIGN_OR_RETURN(UniqueFd to,
                     OpenFileAt(to_, change.path.c_str(),
                                O_WRONLY | O_CREAT | O_EXCL, 0600));
    auto size = CopyFileContents(from.get(), to.get());
    if (!size) return std::move(size).error().Wrap("keep " + change.path);
    return {};
  }

 private:
  Result<UniqueFd> Open(const std::string& path) {
    auto opened = OpenToRead(from_, path.c_str());
    if (opened) return opened;
    const OpenedWay way(from_, path);
    return OpenToRead(from_, path.c_str());
  }

  // Files come sorted: only what is new on the way to the next is made.
  Status MakeDirectories(const std::string& path) {
    const size_t last = path.rfind('/');
    const std::string parent =
        last == std::string::npos ? "" : path.substr(0, last);
    if (parent == made_) return {};
    for (size_t slash = parent.find('/');;
         slash = parent.find('/', slash + 1)) {
      const std::string directory = parent.substr(0, slash);
      if (!directory.empty() && ::mkdirat(to_, directory.c_str(), 0700) != 0 &&
          errno != EEXIST) {
        return ErrnoError("mkdir " + directory);
      }
      if (slash == std::string::npos) break;
    }
    made_ = parent;
    return {};
  }

  Result<bool> LinkToFirst(const oci::Change& change) {
    if (change.metadata.link_count < 2) return false;
    auto [first, is_new] =
        first_names_.try_emplace(change.metadata.inode, change.path);
    if (is_new) return false;
    if (::linkat(to_, first->second.c_str(), to_, change.path.c_str(), 0) !=
        0) {
      return ErrnoError("link to " + first->second);
    }
    return true;
  }

  const int from_;
  const int to_;
  std::string made_;                             // the last directory
  std::map<uint64_t, std::string> first_names_;  // by inode
};

Status WriteList(const SnapshotDiff& diff, int directory) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFileAt(directory, kList,
                                           O_WRONLY | O_CREAT | O_EXCL, 0600));
  FdSink sink(std::move(fd));
  return sink.Write(SerializeChanges(diff.changes, diff.leading));
}

}  // namespace

const oci::Change* SnapshotDelta::FindPresent(std::string_view path) const {
  const auto at =
      std::ranges::lower_bound(changes, path, PathLess, &oci::Change::path);
  const bool found = at != changes.end() && at->path == path &&
                     at->kind == oci::ChangeKind::kPresent;
  return found ? &*at : nullptr;
}

Status SaveDelta(const SnapshotDiff& diff, int directory) {
  if (::mkdirat(directory, kFiles, 0700) != 0) return ErrnoError("mkdir delta");
  ASSIGN_OR_RETURN(UniqueFd files,
                   OpenFileAt(directory, kFiles, O_RDONLY | O_DIRECTORY));
  FileSaver saver(diff.root.get(), files.get());
  for (const oci::Change& change : diff.changes) {
    RETURN_IF_ERROR(saver.Save(change));
  }
  RETURN_IF_ERROR(CopyRootAttributes(diff.root.get(), files.get()));
  return WriteList(diff, directory);
}

Status RemoveDelta(int directory) {
  RETURN_IF_ERROR(RemoveAllAt(directory, kFiles));
  return RemoveAllAt(directory, kList);
}

Result<SnapshotDelta> LoadDelta(int directory) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFileAt(directory, kList, O_RDONLY));
  FdSource source(std::move(fd));
  ASSIGN_OR_RETURN(const std::string bytes, ReadAll(source, uint64_t{4} << 30));
  return ParseChanges(bytes);
}

std::string SerializeChanges(const std::vector<oci::Change>& changes,
                             const std::vector<oci::Change>& leading) {
  Writer writer;
  for (const oci::Change& change : changes) {
    const bool deleted = change.kind == oci::ChangeKind::kDeleted;
    writer.Record(deleted ? 'D' : 'P', change);
  }
  for (const oci::Change& change : leading) writer.Record('L', change);
  return std::move(writer).Finish();
}

Result<SnapshotDelta> ParseChanges(std::string_view bytes) {
  if (!bytes.starts_with(kHeader)) {
    return Corrupt("changes of a snapshot: unknown format");
  }
  Reader reader(bytes.substr(kHeader.size()));
  SnapshotDelta delta;
  while (!reader.done()) {
    const char kind = reader.Kind();
    oci::Change change;
    change.path = reader.Path();
    if (kind == 'D') {
      change.kind = oci::ChangeKind::kDeleted;
    } else {
      change.metadata = reader.Metadata();
    }
    const bool is_known = kind == 'D' || kind == 'P' || kind == 'L';
    if (reader.failed() || !is_known || change.path.empty()) {
      return Corrupt("changes of a snapshot: cut short");
    }
    (kind == 'L' ? delta.leading : delta.changes).push_back(std::move(change));
  }
  return delta;
}

}  // namespace strake::builder::snapshot
