#include "builder/context/archive_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "builder/context/unpack_archive.h"
#include "util/c_handle.h"
#include "util/result_macros.h"

namespace strake::builder::context {
namespace {

using ArchiveHandle = std::unique_ptr<archive, FreeWith<archive_read_free>>;

// Names in archives are bytes. libarchive takes those of a pax header for UTF-8
// and converts them to the locale's characters, which must therefore be UTF-8,
// whatever the process has set.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t locale_ = nullptr;
  locale_t before_ = nullptr;
};

// The libarchive filter that decompresses what starts with `head`.
int FilterFor(std::string_view head) {
  using namespace std::literals;
  if (head.starts_with("\x1f\x8b\x08"sv)) return ARCHIVE_FILTER_GZIP;
  if (head.starts_with("BZh"sv)) return ARCHIVE_FILTER_BZIP2;
  if (head.starts_with("\xfd"
                       "7zXZ\0"sv)) {
    return ARCHIVE_FILTER_XZ;
  }
  if (head.starts_with("\x28\xb5\x2f\xfd"sv)) return ARCHIVE_FILTER_ZSTD;
  // A skippable frame, as seekable zstd has it.
  if (head.size() >= 4 && (head[0] & 0xf0) == 0x50 &&
      head.substr(1, 3) == "\x2a\x4d\x18"sv) {
    return ARCHIVE_FILTER_ZSTD;
  }
  return ARCHIVE_FILTER_NONE;
}

// Whether `head` starts with a tar header: its checksum, of signed or unsigned
// bytes, fits.
bool IsTarHeader(std::string_view head) {
  constexpr size_t kHeaderBytes = 512, kChecksumAt = 148, kChecksumBytes = 8;
  if (head.size() < kHeaderBytes) return false;
  int64_t as_unsigned = 0, as_signed = 0;
  for (size_t i = 0; i < kHeaderBytes; ++i) {
    char c = head[i];
    if (i >= kChecksumAt && i < kChecksumAt + kChecksumBytes) c = ' ';
    as_unsigned += static_cast<unsigned char>(c);
    as_signed += static_cast<signed char>(c);
  }
  int64_t noted = 0;
  bool has_digits = false;
  for (char c : head.substr(kChecksumAt, kChecksumBytes)) {
    if (c >= '0' && c <= '7') {
      noted = noted * 8 + (c - '0');
      has_digits = true;
    } else if (c != ' ' && c != '\0') {
      return false;
    }
  }
  return has_digits && (noted == as_unsigned || noted == as_signed);
}

struct timespec EntryTime(archive_entry* entry) {
  if (archive_entry_mtime_is_set(entry) == 0) return {};
  struct timespec time = {};
  time.tv_sec = archive_entry_mtime(entry);
  time.tv_nsec = archive_entry_mtime_nsec(entry);
  return time;
}

Xattrs EntryXattrs(archive_entry* entry) {
  Xattrs xattrs;
  archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    if (name == nullptr) continue;
    xattrs[name].assign(static_cast<const char*>(value), size);
  }
  return xattrs;
}

}  // namespace

bool LooksLikeArchive(std::string_view head) {
  return FilterFor(head) != ARCHIVE_FILTER_NONE || IsTarHeader(head);
}

struct ArchiveReader::State {
  explicit State(ByteSource& source) : stream(source) {}

  static la_ssize_t Read(archive* handle, void* self, const void** data) {
    auto* state = static_cast<State*>(self);
    auto count = state->stream.Read(state->buffer);
    if (!count) {
      state->stream_error = count.error();
      archive_set_error(handle, EIO, "read failed");
      return ARCHIVE_FATAL;
    }
    *data = state->buffer.data();
    return static_cast<la_ssize_t>(*count);
  }

  PeekSource stream;
  std::vector<std::byte> buffer = std::vector<std::byte>(kStreamBufferBytes);
  std::optional<Error> stream_error;
  ArchiveHandle handle;
  archive_entry* entry = nullptr;  // of `handle`
  std::string name;                // of `entry`
};

ArchiveReader::ArchiveReader(std::unique_ptr<State> state)
    : state_(std::move(state)) {}
ArchiveReader::ArchiveReader(ArchiveReader&&) noexcept = default;
ArchiveReader::~ArchiveReader() = default;

Error ArchiveReader::Failed() const {
  if (state_->stream_error) return *state_->stream_error;
  const char* text = archive_error_string(state_->handle.get());
  std::string message = "damaged archive";
  if (!state_->name.empty()) message += " at " + state_->name;
  if (text != nullptr) message.append(": ").append(text);
  return Corrupt(std::move(message));
}

Result<ArchiveReader> ArchiveReader::Open(ByteSource& stream) {
  auto state = std::make_unique<State>(stream);
  ASSIGN_OR_RETURN(std::string_view head,
                   state->stream.Peek(kArchiveProbeBytes));
  if (!LooksLikeArchive(head)) return Corrupt("not a tar archive");
  state->handle.reset(archive_read_new());
  archive* handle = state->handle.get();
  if (handle == nullptr) return IoError("libarchive: out of memory");
  State* raw = state.get();
  ArchiveReader reader(std::move(state));
  // The filter is named, not guessed: libarchive would also undo compression
  // inside compression, which nobody else takes for an archive.
  bool ready =
      archive_read_support_format_tar(handle) == ARCHIVE_OK &&
      archive_read_append_filter(handle, FilterFor(head)) == ARCHIVE_OK &&
      archive_read_open(handle, raw, nullptr, &State::Read, nullptr) ==
          ARCHIVE_OK;
  if (!ready) return reader.Failed();
  return reader;
}

Result<std::optional<ArchiveEntry>> ArchiveReader::Next() {
  Utf8Locale utf8;
  int result = archive_read_next_header(state_->handle.get(), &state_->entry);
  if (result == ARCHIVE_EOF) return std::optional<ArchiveEntry>();
  if (result < ARCHIVE_WARN) return Failed();
  archive_entry* found = state_->entry;
  const char* name = archive_entry_pathname(found);
  if (name == nullptr) return Failed();
  state_->name = name;

  ArchiveEntry entry;
  entry.name = state_->name;
  if (const char* target = archive_entry_hardlink(found); target != nullptr) {
    entry.is_hard_link = true;
    entry.link_name = target;
  } else if (target = archive_entry_symlink(found); target != nullptr) {
    entry.link_name = target;
  }
  entry.metadata.mode = archive_entry_mode(found);
  if ((entry.metadata.mode & S_IFMT) == 0) entry.metadata.mode |= S_IFREG;
  entry.metadata.owner = {static_cast<uint32_t>(archive_entry_uid(found)),
                          static_cast<uint32_t>(archive_entry_gid(found))};
  entry.metadata.rdev = archive_entry_rdev(found);
  entry.metadata.xattrs = EntryXattrs(found);
  entry.metadata.mtime = EntryTime(found);
  entry.size_bytes = static_cast<uint64_t>(archive_entry_size(found));
  return std::optional<ArchiveEntry>(std::move(entry));
}

Result<uint64_t> ArchiveReader::WriteContent(
    int fd, const std::function<void(uint64_t)>& on_bytes) {
  while (true) {
    const void* data = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    int result =
        archive_read_data_block(state_->handle.get(), &data, &size, &offset);
    if (result == ARCHIVE_EOF) break;
    if (result < ARCHIVE_WARN) return Failed();
    for (size_t done = 0; done < size;) {
      ssize_t count = ::pwrite(fd, static_cast<const char*>(data) + done,
                               size - done, offset + static_cast<off_t>(done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return ErrnoError("write " + state_->name);
      done += static_cast<size_t>(count);
    }
    if (on_bytes) on_bytes(size);
  }
  // A file may end in a hole.
  auto size_bytes = static_cast<uint64_t>(archive_entry_size(state_->entry));
  if (::ftruncate(fd, static_cast<off_t>(size_bytes)) != 0) {
    return ErrnoError("write " + state_->name);
  }
  return size_bytes;
}

}  // namespace strake::builder::context
