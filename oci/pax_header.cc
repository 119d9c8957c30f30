#include "oci/pax_header.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace strake::oci {
namespace {

constexpr size_t kBlockBytes = 512;
constexpr uint64_t kMaxOctal7 = 07777777;
constexpr uint64_t kMaxOctal11 = 077777777777;
constexpr int64_t kSecond = 1'000'000'000;

// POSIX.1-2017, pax, "ustar Interchange Format".
struct UstarHeader {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link_name[100];
  char magic[6];
  char version[2];
  char user_name[32];
  char group_name[32];
  char device_major[8];
  char device_minor[8];
  char prefix[155];
  char padding[12];
};
static_assert(sizeof(UstarHeader) == kBlockBytes);

bool IsAscii(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Octal digits, zero-padded, and a NUL; larger numbers are for the pax header
// and are 0 here.
template <size_t N>
void SetOctal(char (&field)[N], uint64_t value) {
  static_assert(N == 8 || N == 12);
  if (value > (N == 8 ? kMaxOctal7 : kMaxOctal11)) value = 0;
  for (size_t i = N - 1; i-- > 0; value >>= 3) {
    field[i] = static_cast<char>('0' + (value & 7));
  }
}

// As much of `text` as fits, in ASCII, for readers without pax.
template <size_t N>
void SetText(char (&field)[N], std::string_view text) {
  std::string_view shown = text.substr(0, N);
  std::ranges::transform(shown, field, [](char c) {
    return static_cast<unsigned char>(c) < 0x80 ? c : '_';
  });
}

char TypeFlag(const TarEntry& entry) {
  if (!entry.hard_link_target.empty()) return '1';
  switch (entry.metadata->mode & S_IFMT) {
    case S_IFDIR:
      return '5';
    case S_IFLNK:
      return '2';
    case S_IFCHR:
      return '3';
    case S_IFBLK:
      return '4';
    case S_IFIFO:
      return '6';
    default:
      return '0';
  }
}

std::string_view LinkName(const TarEntry& entry) {
  return entry.hard_link_target.empty() ? entry.metadata->link_target
                                        : entry.hard_link_target;
}

// "<length> <key>=<value>\n", where the length counts its own digits.
void AddRecord(std::string& records, std::string_view key,
               std::string_view value) {
  size_t rest = key.size() + value.size() + 3;
  size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) {
    length = std::to_string(length).size() + rest;
  }
  records += std::to_string(length);
  records += ' ';
  records += key;
  records += '=';
  records += value;
  records += '\n';
}

std::string PaxRecords(const TarEntry& entry) {
  const FileMetadata& metadata = *entry.metadata;
  std::string records;
  std::string_view link_name = LinkName(entry);
  if (!IsAscii(entry.path) || entry.path.size() > sizeof UstarHeader::name) {
    AddRecord(records, "path", entry.path);
  }
  if (!IsAscii(link_name) || link_name.size() > sizeof UstarHeader::link_name) {
    AddRecord(records, "linkpath", link_name);
  }
  if (entry.content_bytes() > kMaxOctal11) {
    AddRecord(records, "size", std::to_string(entry.content_bytes()));
  }
  if (metadata.uid > kMaxOctal7) {
    AddRecord(records, "uid", std::to_string(metadata.uid));
  }
  if (metadata.gid > kMaxOctal7) {
    AddRecord(records, "gid", std::to_string(metadata.gid));
  }
  if (entry.mtime.count() < 0 || entry.mtime.count() % kSecond != 0) {
    AddRecord(records, "mtime", FormatPaxTime(entry.mtime));
  }
  for (const auto& [name, value] : metadata.xattrs) {
    std::string key = "SCHILY.xattr.";
    AddRecord(records, key += name, value);
  }
  for (const auto& [key, value] : entry.pax) AddRecord(records, key, value);
  return records;
}

std::string HeaderBlock(const TarEntry& entry, std::string_view path, char type,
                        uint64_t size_bytes) {
  const FileMetadata& metadata = *entry.metadata;
  UstarHeader header;
  std::memset(&header, 0, sizeof header);
  SetText(header.name, path);
  SetOctal(header.mode, metadata.mode & 07777);
  SetOctal(header.uid, metadata.uid);
  SetOctal(header.gid, metadata.gid);
  SetOctal(header.size, size_bytes);
  SetOctal(header.mtime, static_cast<uint64_t>(std::max<int64_t>(
                             0, entry.mtime.count() / kSecond)));
  header.type = type;
  if (type != 'x') SetText(header.link_name, LinkName(entry));
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  SetOctal(header.device_major, major(metadata.rdev));
  SetOctal(header.device_minor, minor(metadata.rdev));
  // The sum is taken with blanks in its own field.
  std::memset(header.checksum, ' ', sizeof header.checksum);
  std::string block(reinterpret_cast<const char*>(&header), sizeof header);
  uint64_t sum = 0;
  for (char c : block) sum += static_cast<unsigned char>(c);
  for (size_t i = 6; i-- > 0; sum >>= 3) {
    header.checksum[i] = static_cast<char>('0' + (sum & 7));
  }
  header.checksum[6] = '\0';
  block.replace(offsetof(UstarHeader, checksum), sizeof header.checksum,
                header.checksum, sizeof header.checksum);
  return block;
}

// What libarchive writes as it is in an xattr name.
bool IsPlainXattrName(std::string_view name) {
  return std::ranges::all_of(
      name, [](char c) { return c > ' ' && c < 0x7f && c != '%'; });
}

}  // namespace

// Sign and magnitude, without trailing zeros.
std::string FormatPaxTime(std::chrono::nanoseconds time) {
  int64_t count = time.count();
  uint64_t magnitude = count < 0 ? uint64_t{0} - static_cast<uint64_t>(count)
                                 : static_cast<uint64_t>(count);
  std::string text = count < 0 ? "-" : "";
  text += std::to_string(magnitude / kSecond);
  uint64_t fraction = magnitude % kSecond;
  if (fraction == 0) return text;
  std::string digits = std::to_string(fraction);
  text += '.' + std::string(9 - digits.size(), '0') + digits;
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

bool NeedsOwnHeader(const TarEntry& entry) {
  const FileMetadata& metadata = *entry.metadata;
  constexpr unsigned kMaxOctal6 = 0777777;
  return !entry.pax.empty() || !IsAscii(entry.path) ||
         minor(metadata.rdev) > kMaxOctal6 || !IsAscii(LinkName(entry)) ||
         (entry.mtime.count() < 0 && entry.mtime.count() % kSecond != 0) ||
         !std::ranges::all_of(metadata.xattrs, [](const auto& xattr) {
           return IsPlainXattrName(xattr.first);
         });
}

std::string PaxHeaderBlocks(const TarEntry& entry) {
  std::string records = PaxRecords(entry);
  std::string blocks;
  if (!records.empty()) {
    std::string_view path = entry.path;
    if (path.ends_with('/')) path.remove_suffix(1);
    std::string name = "PaxHeader/";
    name += path.substr(path.rfind('/') + 1);
    TarEntry extension = entry;
    FileMetadata metadata = *entry.metadata;
    metadata.mode = 0644;
    metadata.rdev = 0;
    extension.metadata = &metadata;
    blocks = HeaderBlock(extension, name, 'x', records.size());
    records.resize((records.size() + kBlockBytes - 1) / kBlockBytes *
                   kBlockBytes);
    blocks += records;
  }
  blocks +=
      HeaderBlock(entry, entry.path, TypeFlag(entry), entry.content_bytes());
  return blocks;
}

}  // namespace strake::oci
