// The file on disk: one line a record,
//
//   <device> <inode> <size> <mtime> <ctime> <digest>\n
//
// all numbers hexadecimal (times in nanoseconds since the epoch), the digest as
// 64 hexadecimal digits. Writers append whole lines with O_APPEND. A line that
// was torn by a crash has no such form, or runs into the next one, which then
// has none either; both are skipped. A later line of the same device and inode
// replaces an earlier one.

#include "builder/cache/stat_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <array>
#include <cstdio>
#include <map>
#include <unordered_map>
#include <utility>

#include "util/atomic_file.h"
#include "util/byte_stream.h"
#include "util/guarded.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::builder::cache {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{64} << 20;
constexpr size_t kFlushBytes = size_t{64} << 10;

// A file system's clock ticks every few milliseconds; where times have no
// fraction of a second at all, every other second.
constexpr int64_t kNanoseconds = 1'000'000'000;
constexpr int64_t kFineTick = kNanoseconds / 20;
constexpr int64_t kCoarseTick = 2 * kNanoseconds;

int64_t ToNanoseconds(const struct timespec& time) {
  return time.tv_sec * kNanoseconds + time.tv_nsec;
}

struct Record {
  uint64_t size_bytes = 0;
  int64_t mtime = 0;
  int64_t ctime = 0;
  oci::Digest digest;
};

struct HashId {
  size_t operator()(const context::FileId& id) const {
    return std::hash<uint64_t>()(id.inode * 0x9E3779B97F4A7C15 ^ id.device);
  }
};
using Records = std::unordered_map<context::FileId, Record, HashId>;

std::string FormatRecord(const context::FileId& id, const Record& record) {
  std::array<char, 160> line;
  int length = std::snprintf(
      line.data(), line.size(), "%lx %lx %lx %lx %lx %s\n",
      static_cast<unsigned long>(id.device),
      static_cast<unsigned long>(id.inode),
      static_cast<unsigned long>(record.size_bytes),
      static_cast<unsigned long>(record.mtime),
      static_cast<unsigned long>(record.ctime), record.digest.Hex().c_str());
  return std::string(line.data(), static_cast<size_t>(length));
}

void ParseRecord(std::string_view line, Records& records) {
  std::array<std::string_view, 6> fields;
  size_t count = 0;
  for (std::string_view field : Split(line, ' ')) {
    if (count == fields.size()) return;
    fields[count++] = field;
  }
  if (count != fields.size()) return;
  std::array<uint64_t, 5> numbers;
  for (size_t i = 0; i < numbers.size(); ++i) {
    auto number = ParseUint(fields[i], 16);
    if (!number) return;
    numbers[i] = *number;
  }
  auto digest = oci::Digest::Parse("sha256:" + std::string(fields[5]));
  if (!digest) return;
  Record& record = records[{numbers[0], numbers[1]}];
  record.size_bytes = numbers[2];
  record.mtime = static_cast<int64_t>(numbers[3]);
  record.ctime = static_cast<int64_t>(numbers[4]);
  record.digest = *digest;
}

// The records in `path`; a missing file has none.
Result<Records> ReadRecords(const std::string& path) {
  Records records;
  auto fd = OpenFile(path.c_str(), O_RDONLY);
  if (!fd) {
    if (fd.error().code() == ErrorCode::kNotFound) return records;
    return std::move(fd).error().Wrap("stat cache");
  }
  struct stat st;
  if (::fstat(fd->get(), &st) != 0) return ErrnoError("stat " + path);
  bool too_large = static_cast<uint64_t>(st.st_size) > kMaxFileBytes;
  if (too_large) {
    // The newest half, from a line that is probably cut.
    static_cast<void>(
        ::lseek(fd->get(), st.st_size - static_cast<off_t>(kMaxFileBytes / 2),
                SEEK_SET));
  }
  FdSource source(*std::move(fd));
  ASSIGN_OR_RETURN(std::string text, ReadAll(source, kMaxFileBytes));
  for (std::string_view line : Split(text, '\n')) ParseRecord(line, records);
  if (too_large) {
    std::string kept;
    for (const auto& [id, record] : records) kept += FormatRecord(id, record);
    RETURN_IF_ERROR(WriteFileAtomically(path, kept));
  }
  return records;
}

}  // namespace

struct StatCache::Impl {
  struct Content {
    Records records;
    std::string unwritten;
  };
  std::string path;  // empty: in memory only
  Guarded<Content> content;
};

StatCache::StatCache() : impl_(std::make_unique<Impl>()) {}

StatCache::~StatCache() { static_cast<void>(Flush()); }

Result<std::unique_ptr<StatCache>> StatCache::Open(const std::string& path) {
  auto cache = std::make_unique<StatCache>();
  ASSIGN_OR_RETURN(Records records, ReadRecords(path));
  cache->impl_->path = path;
  cache->impl_->content.lock()->records = std::move(records);
  return cache;
}

std::optional<oci::Digest> StatCache::Find(
    const context::SourceFile& file) const {
  auto content = impl_->content.lock();
  auto it = content->records.find(file.id);
  if (it == content->records.end()) return std::nullopt;
  const Record& record = it->second;
  if (record.size_bytes != file.size_bytes ||
      record.mtime != ToNanoseconds(file.mtime) ||
      record.ctime != ToNanoseconds(file.ctime)) {
    return std::nullopt;
  }
  return record.digest;
}

void StatCache::Remember(const context::SourceFile& file,
                         const oci::Digest& digest) {
  struct timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  int64_t tick = file.ctime.tv_nsec == 0 ? kCoarseTick : kFineTick;
  int64_t age = ToNanoseconds(now) - ToNanoseconds(file.ctime);
  if (age < tick) return;
  Record record;
  record.size_bytes = file.size_bytes;
  record.mtime = ToNanoseconds(file.mtime);
  record.ctime = ToNanoseconds(file.ctime);
  record.digest = digest;
  bool is_much = false;
  {
    auto content = impl_->content.lock();
    if (!impl_->path.empty()) {
      content->unwritten += FormatRecord(file.id, record);
      is_much = content->unwritten.size() >= kFlushBytes;
    }
    content->records[file.id] = std::move(record);
  }
  // What fails now is tried, and reported, at the end.
  if (is_much) static_cast<void>(Flush());
}

Status StatCache::Flush() {
  std::string lines = std::exchange(impl_->content.lock()->unwritten, "");
  if (lines.empty()) return {};
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(impl_->path.c_str(),
                                         O_WRONLY | O_CREAT | O_APPEND, 0644));
  auto written = WriteFully(fd.get(), std::as_bytes(std::span(lines)));
  if (!written) return std::move(written).error().Wrap(impl_->path);
  return {};
}

}  // namespace strake::builder::cache
