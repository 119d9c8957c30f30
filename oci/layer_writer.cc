#include "oci/layer_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_map>

#include "oci/tar_writer.h"
#include "oci/whiteout.h"
#include "oci/windows_layer.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::oci {
namespace {

Error CannotWrite(std::string_view path, Error error) {
  return std::move(error).Wrap("cannot write " + GoQuote(path) +
                               " into a layer");
}

// A file's identity within its device.
struct FileId {
  uint64_t device = 0;
  uint64_t inode = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
};
struct FileIdHash {
  size_t operator()(const FileId& id) const {
    return std::hash<uint64_t>()(id.inode * 0x9e3779b97f4a7c15u ^ id.device);
  }
};

class Writer {
 public:
  Writer(int root, ByteSink& out, const LayerWriteOptions& options)
      : root_(root),
        options_(options),
        tar_(out),
        buffer_(kStreamBufferBytes, '\0') {}

  Result<TarSummary> Run(std::span<const Change> changes) {
    if (options_.windows && !changes.empty()) {
      RETURN_IF_ERROR(WriteHives(changes.front().metadata));
    }
    for (const Change& change : changes) {
      Status written = WriteChange(change);
      if (!written) {
        return CannotWrite(change.path, std::move(written).error());
      }
    }
    RETURN_IF_ERROR(tar_.Close());
    return summary_;
  }

 private:
  Status WriteChange(const Change& change) {
    RETURN_IF_ERROR(CheckPath(change.path));
    if (change.kind == ChangeKind::kDeleted) {
      return WriteMarker(WhiteoutPathFor(change.path));
    }
    if (S_ISSOCK(change.metadata.mode)) return {};
    RETURN_IF_ERROR(WritePresent(change));
    if (change.kind == ChangeKind::kPresent) return {};
    return WriteMarker(change.path + "/" + std::string(kOpaqueWhiteout));
  }

  static Status CheckPath(std::string_view path) {
    if (path.empty() || path.front() == '/' || path.back() == '/') {
      return Internal("not a path relative to the root");
    }
    for (std::string_view name : Split(path, '/')) {
      if (ClassifyName(name) == WhiteoutKind::kNone) continue;
      return Unsupported(
          "a layer cannot hold names that begin with \".wh.\": they mean "
          "deleted files; remove or rename it");
    }
    return {};
  }

  Status WritePresent(const Change& change) {
    TarEntry entry;
    entry.path = change.path;
    entry.metadata = &change.metadata;
    entry.mtime = ClampedTime(change.metadata);
    const FileMetadata& metadata = change.metadata;
    RETURN_IF_ERROR(CheckXattrs(metadata));
    if (S_ISDIR(metadata.mode)) entry.path += '/';
    if (S_ISREG(metadata.mode) && metadata.link_count > 1 &&
        metadata.inode != 0) {
      FileId id{metadata.device, metadata.inode};
      auto [first, is_new] = first_paths_.emplace(id, change.path);
      if (!is_new) entry.hard_link_target = first->second;
    }
    FileMetadata windows;
    if (options_.windows) RETURN_IF_ERROR(MakeWindowsEntry(entry, windows));
    RETURN_IF_ERROR(tar_.BeginEntry(entry));
    if (entry.has_content()) RETURN_IF_ERROR(WriteFile(change));
    ++summary_.entries;
    return tar_.EndEntry();
  }

  static Status CheckXattrs(const FileMetadata& metadata) {
    for (const auto& [name, value] : metadata.xattrs) {
      if (name.find('=') == std::string::npos) continue;
      return Unsupported("tar cannot hold the extended attribute " +
                         GoQuote(name) + ": its name has a \"=\"");
    }
    return {};
  }

  // The registry's part of a layer for Windows: there, and empty.
  Status WriteHives(const FileMetadata& first) {
    FileMetadata directory;
    directory.mode = S_IFDIR | 0755;
    TarEntry entry;
    entry.path = std::string(kWindowsHives) + "/";
    entry.metadata = &directory;
    entry.mtime = ClampedTime(first);
    FileMetadata windows;
    RETURN_IF_ERROR(MakeWindowsEntry(entry, windows));
    RETURN_IF_ERROR(tar_.BeginEntry(entry));
    ++summary_.entries;
    return tar_.EndEntry();
  }

  // Whiteouts carry no metadata; zeros keep them equal everywhere.
  Status WriteMarker(std::string path) {
    FileMetadata metadata;
    metadata.mode = S_IFREG;
    TarEntry entry;
    entry.path = std::move(path);
    entry.metadata = &metadata;
    RETURN_IF_ERROR(tar_.BeginEntry(entry));
    ++summary_.entries;
    return tar_.EndEntry();
  }

  std::chrono::nanoseconds ClampedTime(const FileMetadata& metadata) const {
    if (!options_.clamp_mtime) return metadata.mtime;
    return std::min(metadata.mtime, options_.clamp_mtime->time_since_epoch());
  }

  Result<UniqueFd> OpenContent(const std::string& path, bool& is_elsewhere) {
    if (options_.open_content) {
      ASSIGN_OR_RETURN(UniqueFd elsewhere, options_.open_content(path));
      is_elsewhere = static_cast<bool>(elsewhere);
      if (is_elsewhere) return elsewhere;
    }
    // O_NONBLOCK: should a fifo have taken the file's place, do not wait.
    return OpenInRoot(
        root_, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  }

  Status WriteFile(const Change& change) {
    bool is_elsewhere = false;
    ASSIGN_OR_RETURN(UniqueFd fd, OpenContent(change.path, is_elsewhere));
    struct stat info;
    if (::fstat(fd.get(), &info) != 0) return ErrnoError("cannot stat it");
    uint64_t size = change.metadata.size_bytes;
    const auto there = static_cast<uint64_t>(info.st_size);
    const bool fits = is_elsewhere ? there >= size : there == size;
    if (!S_ISREG(info.st_mode) || !fits) {
      return IoError("the file changed while the layer was written");
    }
    summary_.content_bytes += size;
    constexpr uint64_t kStatBlockBytes = 512;
    bool sparse =
        static_cast<uint64_t>(info.st_blocks) * kStatBlockBytes < size;
    return sparse ? WriteSparse(fd.get(), size) : WriteRange(fd.get(), 0, size);
  }

  Status WriteRange(int fd, uint64_t begin, uint64_t end) {
    while (begin < end) {
      size_t wanted = std::min<uint64_t>(end - begin, buffer_.size());
      ssize_t count =
          ::pread(fd, buffer_.data(), wanted, static_cast<off_t>(begin));
      if (count < 0) {
        if (errno == EINTR) continue;
        return ErrnoError("cannot read it");
      }
      if (count == 0) {
        return IoError("the file became shorter while the layer was written");
      }
      size_t size = static_cast<size_t>(count);
      RETURN_IF_ERROR(
          tar_.WriteContent(std::string_view(buffer_).substr(0, size)));
      begin += size;
    }
    return {};
  }

  // Holes are written as zeros without being read.
  Status WriteSparse(int fd, uint64_t size) {
    uint64_t position = 0;
    while (position < size) {
      off_t data = ::lseek(fd, static_cast<off_t>(position), SEEK_DATA);
      // ENXIO: nothing but a hole up to the end.
      if (data < 0 && errno != ENXIO) return WriteRange(fd, position, size);
      uint64_t data_begin =
          data < 0 ? size : std::min(static_cast<uint64_t>(data), size);
      RETURN_IF_ERROR(WriteZeros(data_begin - position));
      position = data_begin;
      if (position == size) break;
      off_t hole = ::lseek(fd, static_cast<off_t>(position), SEEK_HOLE);
      uint64_t data_end =
          hole < 0 ? size : std::min(static_cast<uint64_t>(hole), size);
      RETURN_IF_ERROR(WriteRange(fd, position, data_end));
      position = data_end;
    }
    return {};
  }

  Status WriteZeros(uint64_t count) {
    if (count > 0 && zeros_.empty()) zeros_.assign(kStreamBufferBytes, '\0');
    while (count > 0) {
      size_t size = std::min<uint64_t>(count, zeros_.size());
      RETURN_IF_ERROR(
          tar_.WriteContent(std::string_view(zeros_).substr(0, size)));
      count -= size;
    }
    return {};
  }

  int root_;
  const LayerWriteOptions& options_;
  TarWriter tar_;
  TarSummary summary_;
  std::unordered_map<FileId, std::string, FileIdHash> first_paths_;
  std::string buffer_;
  std::string zeros_;
};

}  // namespace

Result<TarSummary> WriteLayer(std::span<const Change> changes, int root,
                              ByteSink& out, const LayerWriteOptions& options) {
  return Writer(root, out, options).Run(changes);
}

}  // namespace strake::oci
