// libarchive writes the tar, in its pax format, except for the headers of the
// few entries described in pax_header.h. To keep the bytes a function of
// `changes` alone, it is told nothing that it would only repeat (device and
// inode numbers, other times, user names) and sees ASCII only, which it
// converts alike in every locale.

#include "oci/layer_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <unordered_map>

#include "oci/pax_header.h"
#include "oci/whiteout.h"
#include "util/c_handle.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::oci {
namespace {

using ArchiveWriter = std::unique_ptr<archive, FreeWith<archive_write_free>>;
using ArchiveEntry =
    std::unique_ptr<archive_entry, FreeWith<archive_entry_free>>;

constexpr size_t kBlockBytes = 512;
constexpr int64_t kSecond = 1'000'000'000;

Error CannotWrite(std::string_view path, Error error) {
  return std::move(error).Wrap("cannot write " + GoQuote(path) +
                               " into a layer");
}

// Joins the small pieces that a tar is made of: headers and short files.
class BufferedSink {
 public:
  explicit BufferedSink(ByteSink& out) : out_(out) {
    buffer_.reserve(kStreamBufferBytes);
  }

  // Fails for good once `out` has failed.
  bool Write(std::string_view data) {
    if (buffer_.size() + data.size() > kStreamBufferBytes && !Flush()) {
      return false;
    }
    if (data.size() < kStreamBufferBytes) {
      buffer_ += data;
      return true;
    }
    return Forward(data);
  }
  bool Flush() {
    bool flushed = buffer_.empty() || Forward(buffer_);
    buffer_.clear();
    return flushed;
  }
  const Status& status() const { return status_; }

 private:
  bool Forward(std::string_view data) {
    if (status_) status_ = out_.Write(data);
    return status_.has_value();
  }

  ByteSink& out_;
  std::string buffer_;
  Status status_;
};

la_ssize_t WriteToSink(archive*, void* sink, const void* data, size_t size) {
  bool written = static_cast<BufferedSink*>(sink)->Write(
      std::string_view(static_cast<const char*>(data), size));
  return written ? static_cast<la_ssize_t>(size) : -1;
}

// The tar being written.
class LayerTar {
 public:
  explicit LayerTar(ByteSink& out) : sink_(out) {}

  Status Open() {
    archive_.reset(archive_write_new());
    archive* a = archive_.get();
    bool fine = archive_write_set_format_pax(a) == ARCHIVE_OK &&
                // Otherwise each xattr is written twice.
                archive_write_set_format_option(a, "pax", "xattrheader",
                                                "SCHILY") == ARCHIVE_OK &&
                archive_write_set_bytes_per_block(a, 0) == ARCHIVE_OK &&
                archive_write_open2(a, &sink_, nullptr, WriteToSink, nullptr,
                                    nullptr) == ARCHIVE_OK;
    return fine ? Status() : Failure();
  }

  // Begins an entry; its content follows through `WriteContent`, exactly as
  // much as was announced.
  Status BeginEntry(const TarEntry& entry) {
    own_header_ = NeedsOwnHeader(entry);
    content_bytes_ = entry.content_bytes();
    if (own_header_) {
      // libarchive writes an entry's padding when the next one begins.
      if (archive_write_finish_entry(archive_.get()) != ARCHIVE_OK) {
        return Failure();
      }
      return sink_.Write(PaxHeaderBlocks(entry)) ? Status() : Failure();
    }
    ArchiveEntry header = MakeHeader(entry);
    int result = archive_write_header(archive_.get(), header.get());
    return result == ARCHIVE_OK ? Status() : Failure();
  }

  Status WriteContent(std::string_view data) {
    bool written = own_header_ ? sink_.Write(data)
                               : archive_write_data(archive_.get(), data.data(),
                                                    data.size()) ==
                                     static_cast<la_ssize_t>(data.size());
    return written ? Status() : Failure();
  }

  Status EndEntry() {
    if (!own_header_) return {};
    static constexpr char kZeros[kBlockBytes] = {};
    size_t padding = (kBlockBytes - content_bytes_ % kBlockBytes) % kBlockBytes;
    return sink_.Write(std::string_view(kZeros, padding)) ? Status()
                                                          : Failure();
  }

  Status Close() {
    if (archive_write_close(archive_.get()) != ARCHIVE_OK || !sink_.Flush()) {
      return Failure();
    }
    return {};
  }

 private:
  static ArchiveEntry MakeHeader(const TarEntry& entry) {
    const FileMetadata& metadata = *entry.metadata;
    ArchiveEntry header(archive_entry_new());
    archive_entry* e = header.get();
    archive_entry_set_pathname(e, entry.path.c_str());
    archive_entry_set_mode(e, metadata.mode);
    archive_entry_set_uid(e, metadata.uid);
    archive_entry_set_gid(e, metadata.gid);
    archive_entry_set_size(e, static_cast<int64_t>(entry.content_bytes()));
    int64_t seconds =
        std::chrono::floor<std::chrono::seconds>(entry.mtime).count();
    archive_entry_set_mtime(
        e, seconds, static_cast<long>(entry.mtime.count() - seconds * kSecond));
    if (!entry.hard_link_target.empty()) {
      archive_entry_set_hardlink(e, entry.hard_link_target.c_str());
      return header;
    }
    if (S_ISLNK(metadata.mode)) {
      archive_entry_set_symlink(e, metadata.link_target.c_str());
    }
    if (S_ISCHR(metadata.mode) || S_ISBLK(metadata.mode)) {
      archive_entry_set_rdev(e, metadata.rdev);
    }
    for (const auto& [name, value] : metadata.xattrs) {
      archive_entry_xattr_add_entry(e, name.c_str(), value.data(),
                                    value.size());
    }
    return header;
  }

  // What went wrong: in the sink, else in libarchive.
  Status Failure() {
    if (!sink_.status()) return sink_.status();
    const char* text = archive_error_string(archive_.get());
    return IoError(text != nullptr ? text : "libarchive failed");
  }

  BufferedSink sink_;
  ArchiveWriter archive_;
  bool own_header_ = false;
  uint64_t content_bytes_ = 0;
};

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
    RETURN_IF_ERROR(tar_.Open());
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

  Status WriteFile(const Change& change) {
    // O_NONBLOCK: should a fifo have taken the file's place, do not wait.
    ASSIGN_OR_RETURN(
        UniqueFd fd,
        OpenInRoot(root_, change.path,
                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat info;
    if (::fstat(fd.get(), &info) != 0) return ErrnoError("cannot stat it");
    uint64_t size = change.metadata.size_bytes;
    if (!S_ISREG(info.st_mode) || static_cast<uint64_t>(info.st_size) != size) {
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
  LayerTar tar_;
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
