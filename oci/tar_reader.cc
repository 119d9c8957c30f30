#include "oci/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <vector>

#include "oci/c_locale.h"
#include "util/c_handle.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::oci {
namespace {

using ArchiveReader = std::unique_ptr<archive, FreeWith<archive_read_free>>;

constexpr int64_t kSecond = 1'000'000'000;
// 2^32 - 1 means "unchanged" to chown(2).
constexpr int64_t kMaxId = 0xfffffffe;

// A piece of the tar that was handed to libarchive.
struct RawBlock {
  std::vector<std::byte> bytes;
  size_t size = 0;
  uint64_t begin = 0;  // its offset in the tar
};

Result<uint32_t> CheckId(const char* what, int64_t id) {
  if (id >= 0 && id <= kMaxId) return static_cast<uint32_t>(id);
  return Corrupt(std::string(what) + " " + std::to_string(id) +
                 " is out of range");
}

}  // namespace

struct TarReader::State {
  explicit State(ByteSource& tar) : source(tar) {
    for (RawBlock& block : blocks) block.bytes.resize(kStreamBufferBytes);
  }

  static la_ssize_t ReadBlock(archive*, void* self, const void** data) {
    return static_cast<State*>(self)->ReadBlock(data);
  }
  la_ssize_t ReadBlock(const void** data) {
    // The block before stays: `IsNegative` may want to look at it.
    std::swap(blocks[0], blocks[1]);
    RawBlock& block = blocks[0];
    block.begin = blocks[1].begin + blocks[1].size;
    block.size = 0;
    // Filled to the brim, so that no header lies in more than two blocks.
    while (block.size < block.bytes.size()) {
      auto size = source.Read(std::span(block.bytes).subspan(block.size));
      if (!size) {
        source_status = std::move(size).error();
        return -1;
      }
      if (*size == 0) break;
      block.size += *size;
    }
    *data = block.bytes.data();
    return static_cast<la_ssize_t>(block.size);
  }

  Error Failure() {
    if (!source_status) return source_status.error();
    const char* text = archive_error_string(reader.get());
    return Corrupt("not a sound tar: " +
                   std::string(text != nullptr ? text : "unknown error"));
  }

  Status Open() {
    reader.reset(archive_read_new());
    archive* a = reader.get();
    bool fine =
        archive_read_support_format_tar(a) == ARCHIVE_OK &&
        archive_read_open(a, this, nullptr, ReadBlock, nullptr) == ARCHIVE_OK;
    if (!fine) return Failure();
    return {};
  }

  Result<TarHeader> ReadHeader(archive_entry* entry);
  std::chrono::nanoseconds ReadTime(archive_entry* entry) const;
  bool IsNegative() const;

  ByteSource& source;
  Status source_status;
  std::array<RawBlock, 2> blocks;  // the newer one first
  ArchiveReader reader;            // last: it reads from the above
};

TarReader::TarReader(ByteSource& tar) : state_(std::make_unique<State>(tar)) {}
TarReader::~TarReader() = default;

Result<std::optional<TarHeader>> TarReader::Next() {
  ScopedCLocale locale;
  State& state = *state_;
  if (!state.reader) RETURN_IF_ERROR(state.Open());
  archive_entry* entry = nullptr;
  int result = archive_read_next_header(state.reader.get(), &entry);
  if (result == ARCHIVE_EOF) return std::optional<TarHeader>();
  // A warning is a name that is not in the locale's encoding.
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return state.Failure();
  ASSIGN_OR_RETURN(TarHeader header, state.ReadHeader(entry));
  return std::optional(std::move(header));
}

Result<std::optional<TarContent>> TarReader::NextContent() {
  const void* data = nullptr;
  size_t size = 0;
  la_int64_t offset = 0;
  int result =
      archive_read_data_block(state_->reader.get(), &data, &size, &offset);
  if (result == ARCHIVE_EOF) return std::optional<TarContent>();
  if (result != ARCHIVE_OK) return state_->Failure();
  TarContent content;
  content.data = {static_cast<const std::byte*>(data), size};
  content.offset = static_cast<uint64_t>(offset);
  return std::optional(content);
}

Result<TarHeader> TarReader::State::ReadHeader(archive_entry* entry) {
  TarHeader header;
  const char* path = archive_entry_pathname(entry);
  if (path == nullptr) return Corrupt("a tar entry without a name");
  header.path = path;
  auto in_entry = [&](Error error) {
    return std::move(error).Wrap("tar entry " + GoQuote(header.path));
  };
  if (const char* target = archive_entry_hardlink(entry)) {
    header.hard_link_target = target;
  }
  FileMetadata& metadata = header.metadata;
  metadata.mode = archive_entry_mode(entry);
  if (const char* target = archive_entry_symlink(entry)) {
    metadata.link_target = target;
  }
  auto uid = CheckId("owner", archive_entry_uid(entry));
  if (!uid) return in_entry(std::move(uid).error());
  metadata.uid = *uid;
  auto gid = CheckId("group", archive_entry_gid(entry));
  if (!gid) return in_entry(std::move(gid).error());
  metadata.gid = *gid;
  metadata.size_bytes =
      static_cast<uint64_t>(std::max<int64_t>(0, archive_entry_size(entry)));
  metadata.rdev =
      makedev(static_cast<unsigned>(archive_entry_rdevmajor(entry)),
              static_cast<unsigned>(archive_entry_rdevminor(entry)));
  metadata.mtime = ReadTime(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  archive_entry_xattr_reset(entry);
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    metadata.xattrs[name].assign(static_cast<const char*>(value), size);
  }
  return header;
}

// libarchive 3.6 reads "-1.75" as -1 s and 0.75 s, to be added by the look of
// its interface, and "-0.5" as 0 s and 0.5 s.
std::chrono::nanoseconds TarReader::State::ReadTime(
    archive_entry* entry) const {
  int64_t seconds = archive_entry_mtime(entry);
  int64_t fraction = archive_entry_mtime_nsec(entry);
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kLimitSeconds = kMax / kSecond - 1;
  if (seconds > kLimitSeconds) return std::chrono::nanoseconds(kMax);
  if (seconds < -kLimitSeconds) return std::chrono::nanoseconds(-kMax);
  bool negative =
      seconds < 0 || (seconds == 0 && fraction != 0 && IsNegative());
  return std::chrono::nanoseconds(seconds * kSecond +
                                  (negative ? -fraction : fraction));
}

// Whether the current entry's pax header gives a time with a minus sign: what
// libarchive forgets of "-0.5". The header is in the block at hand, or begins
// in the one before; one that is longer than both counts as positive.
bool TarReader::State::IsNegative() const {
  uint64_t position =
      static_cast<uint64_t>(archive_read_header_position(reader.get()));
  std::string raw;
  for (const RawBlock* block : {&blocks[1], &blocks[0]}) {
    uint64_t end = block->begin + block->size;
    if (position < block->begin || position >= end) continue;
    const char* bytes = reinterpret_cast<const char*>(block->bytes.data());
    raw.append(bytes + (position - block->begin), end - position);
    position = end;
  }
  constexpr std::string_view kKey = " mtime=";
  size_t at = raw.find(kKey);
  return at != std::string::npos && at + kKey.size() < raw.size() &&
         raw[at + kKey.size()] == '-';
}

}  // namespace strake::oci
