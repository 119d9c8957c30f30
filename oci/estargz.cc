#include "oci/estargz.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "oci/background_hasher.h"
#include "oci/block_pipeline.h"
#include "oci/gzip.h"
#include "oci/image_config.h"
#include "oci/tar_reader.h"
#include "oci/tar_writer.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::oci {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kTocName = "stargz.index.json";
constexpr uint64_t kChunkBytes = uint64_t{4} << 20;

// Collects a gzip member's content, and has it compressed when the next one
// begins: where a member comes to lie is known in the end.
class MemberSink final : public ByteSink {
 public:
  // `level` is one that there is.
  MemberSink(int level, int threads, ByteSink& out)
      : out_(out),
        diff_id_(threads == 0 ? HashThread::kCallers : HashThread::kOwn),
        pipeline_(
            threads, kBytesPerThread,
            [level] { return *NewGzipMemberCompressor(level); },
            [this](const Block& member) { return Emit(member); }) {}

  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override {
    member_.append(reinterpret_cast<const char*>(data.data()), data.size());
    diff_id_.Update(data);
    uncompressed_bytes_ += data.size();
    return {};
  }

  // Ends the member, if anything is in it.
  Status Cut() {
    if (member_.empty()) return {};
    ++members_;
    return pipeline_.Push(member_);
  }
  // Ends the last member, and waits for all.
  Status Drain() {
    RETURN_IF_ERROR(Cut());
    return pipeline_.Drain();
  }

  // How many were ended: the number of the next one.
  size_t members() const { return members_; }
  // Where the members begin; after `Drain`.
  const std::vector<uint64_t>& offsets() const { return offsets_; }
  // Where the next one begins; after `Drain`.
  uint64_t end() const { return end_; }
  uint64_t uncompressed_bytes() const { return uncompressed_bytes_; }
  Digest diff_id() { return diff_id_.Finish(); }

 private:
  // One chunk under way and half of one in reserve.
  static constexpr size_t kBytesPerThread = kChunkBytes * 3 / 2;

  Status Emit(const Block& member) {
    offsets_.push_back(end_);
    end_ += member.output.size();
    return out_.Write(member.output);
  }

  ByteSink& out_;
  std::string member_;
  size_t members_ = 0;
  std::vector<uint64_t> offsets_;
  uint64_t end_ = 0;
  BackgroundHasher diff_id_;
  uint64_t uncompressed_bytes_ = 0;
  BlockPipeline pipeline_;  // last: it calls `Emit`
};

const char* TypeName(const TarHeader& header) {
  if (!header.hard_link_target.empty()) return "hardlink";
  switch (header.metadata.mode & S_IFMT) {
    case S_IFDIR:
      return "dir";
    case S_IFLNK:
      return "symlink";
    case S_IFCHR:
      return "char";
    case S_IFBLK:
      return "block";
    case S_IFIFO:
      return "fifo";
    default:
      return "reg";
  }
}

// The table's line for an entry; what is 0 or empty is left out.
Json TocEntry(const TarHeader& header) {
  const FileMetadata& metadata = header.metadata;
  Json entry = Json::object();
  entry["name"] = header.path;
  entry["type"] = TypeName(header);
  bool has_content = S_ISREG(metadata.mode) && header.hard_link_target.empty();
  if (has_content && metadata.size_bytes > 0) {
    entry["size"] = metadata.size_bytes;
  }
  auto seconds = std::chrono::floor<std::chrono::seconds>(
      metadata.mtime + std::chrono::milliseconds(500));
  if (seconds.count() != 0) {
    entry["modtime"] = FormatTimestamp(Timestamp(seconds));
  }
  if (!header.hard_link_target.empty()) {
    entry["linkName"] = header.hard_link_target;
  } else if (S_ISLNK(metadata.mode)) {
    entry["linkName"] = metadata.link_target;
  }
  if (uint32_t mode = metadata.mode & 07777) entry["mode"] = mode;
  if (metadata.uid != 0) entry["uid"] = metadata.uid;
  if (metadata.gid != 0) entry["gid"] = metadata.gid;
  if (S_ISCHR(metadata.mode) || S_ISBLK(metadata.mode)) {
    entry["devMajor"] = major(metadata.rdev);
    entry["devMinor"] = minor(metadata.rdev);
  }
  for (const auto& [name, value] : metadata.xattrs) {
    entry["xattrs"][name] = Base64Encode(value);
  }
  return entry;
}

// An empty gzip member whose extra field says where the table of contents is.
std::string Footer(uint64_t toc_offset) {
  char offset[17];
  std::snprintf(offset, sizeof offset, "%016llx",
                static_cast<unsigned long long>(toc_offset));
  std::string footer("\x1f\x8b\x08\x04\0\0\0\0\0\xff\x1a\0SG\x16\0", 16);
  footer += offset;
  footer += "STARGZ";
  footer.append("\x01\0\0\xff\xff", 5);
  footer.append(8, '\0');
  return footer;
}

class Writer {
 public:
  Writer(ByteSource& tar, int level, int threads, ByteSink& out)
      : reader_(tar),
        out_(out),
        members_(level, threads, out),
        tar_(members_) {}

  Result<EstargzSummary> Run() {
    while (true) {
      ASSIGN_OR_RETURN(std::optional<TarHeader> header, reader_.Next());
      if (!header) break;
      if (CleanPath(header->path) != kTocName) {
        RETURN_IF_ERROR(WriteEntry(*header));
      }
    }
    return Close();
  }

 private:
  Status WriteEntry(const TarHeader& header) {
    TarEntry entry;
    entry.path = header.path;
    entry.hard_link_target = header.hard_link_target;
    entry.metadata = &header.metadata;
    entry.mtime = header.metadata.mtime;
    if (S_ISDIR(header.metadata.mode) && !entry.path.ends_with('/')) {
      entry.path += '/';
    }
    RETURN_IF_ERROR(tar_.BeginEntry(entry));
    if (!entry.has_content()) {
      entries_.push_back(TocEntry(header));
    } else {
      RETURN_IF_ERROR(WriteFile(header, entry.content_bytes()));
    }
    return tar_.EndEntry();
  }

  // The file's line, and one for every chunk after the first.
  Status WriteFile(const TarHeader& header, uint64_t size) {
    size_t line = entries_.size();
    entries_.push_back(TocEntry(header));
    file_ = Hasher();
    position_ = 0;
    chunk_end_ = 0;
    size_ = size;
    while (true) {
      ASSIGN_OR_RETURN(std::optional<TarContent> piece, reader_.NextContent());
      if (!piece) break;
      RETURN_IF_ERROR(WriteZeros(piece->offset));
      RETURN_IF_ERROR(WriteBytes(
          std::string_view(reinterpret_cast<const char*>(piece->data.data()),
                           piece->data.size()),
          header.path));
    }
    RETURN_IF_ERROR(WriteZeros(size));
    EndChunk();
    entries_[line]["digest"] = file_.Finish().ToString();
    return {};
  }

  // The holes of a sparse file.
  Status WriteZeros(uint64_t until) {
    while (position_ < until) {
      std::string zeros(std::min<uint64_t>(until - position_, 1 << 16), '\0');
      RETURN_IF_ERROR(WriteBytes(zeros, entries_.back()["name"]));
    }
    return {};
  }

  Status WriteBytes(std::string_view data, const std::string& name) {
    while (!data.empty()) {
      if (position_ == chunk_end_) RETURN_IF_ERROR(BeginChunk(name));
      std::string_view part = data.substr(0, chunk_end_ - position_);
      if (part.empty()) return Corrupt("tar: " + name + " is too long");
      RETURN_IF_ERROR(tar_.WriteContent(part));
      chunk_.Update(std::as_bytes(std::span(part)));
      file_.Update(std::as_bytes(std::span(part)));
      position_ += part.size();
      data.remove_prefix(part.size());
    }
    return {};
  }

  Status BeginChunk(const std::string& name) {
    EndChunk();
    RETURN_IF_ERROR(tar_.Flush());
    RETURN_IF_ERROR(members_.Cut());
    if (position_ > 0) {
      entries_.push_back(Json{{"name", name}, {"type", "chunk"}});
    }
    Json& entry = entries_.back();
    begins_.push_back({entries_.size() - 1, members_.members()});
    entry["offset"] = 0;  // its place; `SetOffsets` knows it
    if (position_ > 0) entry["chunkOffset"] = position_;
    uint64_t rest = size_ - position_;
    // The last chunk goes to the file's end without saying so.
    if (rest > kChunkBytes) entry["chunkSize"] = kChunkBytes;
    chunk_end_ = position_ + std::min(rest, kChunkBytes);
    chunk_ = Hasher();
    return {};
  }

  void EndChunk() {
    if (position_ == 0) return;
    entries_.back()["chunkDigest"] = chunk_.Finish().ToString();
  }

  void SetOffsets() {
    for (const Begin& begin : begins_) {
      entries_[begin.entry]["offset"] = members_.offsets()[begin.member];
    }
  }

  Result<EstargzSummary> Close() {
    RETURN_IF_ERROR(tar_.Flush());
    RETURN_IF_ERROR(members_.Drain());
    const uint64_t toc_offset = members_.end();
    SetOffsets();
    Json toc = {{"version", 1}, {"entries", std::move(entries_)}};
    std::string text = toc.dump(1, '\t', false, Json::error_handler_t::replace);
    FileMetadata metadata;
    metadata.mode = S_IFREG | 0444;
    metadata.size_bytes = text.size();
    TarEntry entry;
    entry.path = kTocName;
    entry.metadata = &metadata;
    RETURN_IF_ERROR(tar_.BeginEntry(entry));
    RETURN_IF_ERROR(tar_.WriteContent(text));
    RETURN_IF_ERROR(tar_.EndEntry());
    RETURN_IF_ERROR(tar_.Close());
    RETURN_IF_ERROR(members_.Drain());
    RETURN_IF_ERROR(out_.Write(Footer(toc_offset)));
    EstargzSummary summary;
    summary.toc_digest = Digest::Of(text);
    summary.diff_id = members_.diff_id();
    summary.uncompressed_bytes = members_.uncompressed_bytes();
    return summary;
  }

  // An entry's content begins a member.
  struct Begin {
    size_t entry = 0;
    size_t member = 0;
  };

  TarReader reader_;
  ByteSink& out_;
  MemberSink members_;
  TarWriter tar_;
  Json entries_ = Json::array();
  std::vector<Begin> begins_;
  // The file at hand.
  Hasher file_;
  Hasher chunk_;
  uint64_t size_ = 0;
  uint64_t position_ = 0;
  uint64_t chunk_end_ = 0;
};

}  // namespace

Result<EstargzSummary> WriteEstargz(ByteSource& tar, int level, int threads,
                                    ByteSink& out) {
  // Whether there is such a level.
  RETURN_IF_ERROR(NewGzipMemberCompressor(level));
  return Writer(tar, level, WorkerCount(threads), out).Run();
}

}  // namespace strake::oci
