// libarchive writes the tar, in its pax format, except for the headers of the
// few entries described in pax_header.h. To keep the bytes a function of what
// it is given, it is told nothing that it would only repeat (device and inode
// numbers, other times, user names), and it sees ASCII only, in the "C" locale.

#include "oci/tar_writer.h"

#include <archive.h>
#include <archive_entry.h>

#include "oci/c_locale.h"
#include "oci/pax_header.h"
#include "util/c_handle.h"
#include "util/result_macros.h"

namespace strake::oci {
namespace {

using ArchiveWriter = std::unique_ptr<archive, FreeWith<archive_write_free>>;
using ArchiveEntry =
    std::unique_ptr<archive_entry, FreeWith<archive_entry_free>>;

constexpr size_t kBlockBytes = 512;
constexpr char kZeroBlock[kBlockBytes] = {};

// Joins the small pieces that a tar is made of: headers and short files.
class BufferedSink {
 public:
  explicit BufferedSink(ByteSink& out) : out_(out) {
    buffer_.reserve(kStreamBufferBytes);
  }

  // Fails for good once `out` has failed, or the tar was given up.
  bool Write(std::string_view data) {
    if (!status_) return false;
    if (buffer_.size() + data.size() > kStreamBufferBytes && !Flush()) {
      return false;
    }
    if (data.size() >= kStreamBufferBytes) return Forward(data);
    buffer_ += data;
    return true;
  }
  bool Flush() {
    if (!status_) return false;
    bool flushed = buffer_.empty() || Forward(buffer_);
    buffer_.clear();
    return flushed;
  }
  // What comes from now on goes nowhere.
  void GiveUp() { status_ = Cancelled("the tar was given up"); }
  const Status& status() const { return status_; }

 private:
  bool Forward(std::string_view data) {
    status_ = out_.Write(data);
    return status_.has_value();
  }

  ByteSink& out_;
  std::string buffer_;
  Status status_;
};

// Tells libarchive nothing of failures (`State::Check` finds them): it would
// never free what belongs to an archive whose callback failed.
la_ssize_t WriteToSink(archive*, void* sink, const void* data, size_t size) {
  (void)static_cast<BufferedSink*>(sink)->Write(
      std::string_view(static_cast<const char*>(data), size));
  return static_cast<la_ssize_t>(size);
}

ArchiveEntry MakeHeader(const TarEntry& entry) {
  const FileMetadata& metadata = *entry.metadata;
  ArchiveEntry header(archive_entry_new());
  archive_entry* e = header.get();
  archive_entry_set_pathname(e, entry.path.c_str());
  archive_entry_set_mode(e, metadata.mode);
  archive_entry_set_uid(e, metadata.uid);
  archive_entry_set_gid(e, metadata.gid);
  archive_entry_set_size(e, static_cast<int64_t>(entry.content_bytes()));
  auto seconds = std::chrono::floor<std::chrono::seconds>(entry.mtime);
  archive_entry_set_mtime(e, seconds.count(),
                          static_cast<long>((entry.mtime - seconds).count()));
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
    archive_entry_xattr_add_entry(e, name.c_str(), value.data(), value.size());
  }
  return header;
}

}  // namespace

struct TarWriter::State {
  explicit State(ByteSink& out) : sink(out) {}

  Status Open() {
    archive.reset(archive_write_new());
    auto* a = archive.get();
    bool fine = archive_write_set_format_pax(a) == ARCHIVE_OK &&
                // Otherwise each xattr is written twice.
                archive_write_set_format_option(a, "pax", "xattrheader",
                                                "SCHILY") == ARCHIVE_OK &&
                archive_write_set_bytes_per_block(a, 0) == ARCHIVE_OK &&
                archive_write_open2(a, &sink, nullptr, WriteToSink, nullptr,
                                    nullptr) == ARCHIVE_OK;
    return Check(fine);
  }

  // What went wrong: in the sink, else in libarchive.
  Status Check(bool fine) {
    if (!sink.status()) return sink.status();
    if (fine) return {};
    const char* text = archive_error_string(archive.get());
    return IoError(text != nullptr ? text : "libarchive failed");
  }

  BufferedSink sink;
  ArchiveWriter archive;  // after `sink`, which it may write to to the last
  bool own_header = false;
  uint64_t content_bytes = 0;
};

TarWriter::TarWriter(ByteSink& out) : state_(std::make_unique<State>(out)) {}

TarWriter::~TarWriter() {
  // Freeing an open archive completes it.
  state_->sink.GiveUp();
}

Status TarWriter::BeginEntry(const TarEntry& entry) {
  ScopedCLocale locale;
  if (!state_->archive) RETURN_IF_ERROR(state_->Open());
  auto* a = state_->archive.get();
  state_->own_header = NeedsOwnHeader(entry);
  state_->content_bytes = entry.content_bytes();
  if (state_->own_header) {
    // libarchive writes an entry's padding when the next one begins.
    bool ended = archive_write_finish_entry(a) == ARCHIVE_OK;
    return state_->Check(ended && state_->sink.Write(PaxHeaderBlocks(entry)));
  }
  ArchiveEntry header = MakeHeader(entry);
  return state_->Check(archive_write_header(a, header.get()) == ARCHIVE_OK);
}

Status TarWriter::WriteContent(std::string_view data) {
  if (state_->own_header) return state_->Check(state_->sink.Write(data));
  return state_->Check(
      archive_write_data(state_->archive.get(), data.data(), data.size()) ==
      static_cast<la_ssize_t>(data.size()));
}

Status TarWriter::EndEntry() {
  if (!state_->own_header) {
    return state_->Check(archive_write_finish_entry(state_->archive.get()) ==
                         ARCHIVE_OK);
  }
  size_t padding =
      (kBlockBytes - state_->content_bytes % kBlockBytes) % kBlockBytes;
  return state_->Check(
      state_->sink.Write(std::string_view(kZeroBlock, padding)));
}

Status TarWriter::Flush() { return state_->Check(state_->sink.Flush()); }

Status TarWriter::Close() {
  if (!state_->archive) RETURN_IF_ERROR(state_->Open());
  return state_->Check(archive_write_close(state_->archive.get()) ==
                           ARCHIVE_OK &&
                       state_->sink.Flush());
}

}  // namespace strake::oci
