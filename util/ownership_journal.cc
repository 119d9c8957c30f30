// The text form, version 1:
//
//   strake-ownership 1
//   <mode> <uid> <gid> <rdev> /<path>[ <xattr>=<value>]...
//
// one line a file, in bytewise path order; `mode` octal, other numbers decimal;
// the root's path is "/". In paths, xattr names and values every byte that is
// not a visible ASCII character, and "%" and "=", is written %XX (lower case),
// so that blanks and line ends separate and nothing else does.

#include "util/ownership_journal.h"

#include <unistd.h>

#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake {
namespace {

constexpr std::string_view kHeader = "strake-ownership 1";

std::string Escape(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string escaped;
  for (char c : text) {
    unsigned byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '%' && c != '=') {
      escaped += c;
    } else {
      escaped += '%';
      escaped += kDigits[byte >> 4];
      escaped += kDigits[byte & 15];
    }
  }
  return escaped;
}

std::optional<std::string> Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    auto byte = HexDecode(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return {};
    plain += static_cast<char>((*byte)[0]);
    i += 2;
  }
  return plain;
}

template <typename Number>
bool ParseField(std::string_view text, int base, Number& number) {
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size() &&
         !text.empty();
}

void AppendEntry(const std::string& path, const VirtualMetadata& metadata,
                 std::string& text) {
  char mode[16];
  auto [end, error] = std::to_chars(mode, mode + sizeof mode, metadata.mode, 8);
  static_cast<void>(error);  // 16 digits hold any 32-bit number
  text.append(mode, end);
  text += ' ' + std::to_string(metadata.uid) + ' ' +
          std::to_string(metadata.gid) + ' ' + std::to_string(metadata.rdev) +
          " /" + Escape(path);
  for (const auto& [name, value] : metadata.xattrs) {
    text += ' ' + Escape(name) + '=' + Escape(value);
  }
  text += '\n';
}

// Nothing where `line` is not of the form above.
std::optional<std::pair<std::string, VirtualMetadata>> ParseEntry(
    std::string_view line) {
  std::vector<std::string_view> fields = Split(line, ' ');
  VirtualMetadata metadata;
  if (fields.size() < 5 || !ParseField(fields[0], 8, metadata.mode) ||
      !ParseField(fields[1], 10, metadata.uid) ||
      !ParseField(fields[2], 10, metadata.gid) ||
      !ParseField(fields[3], 10, metadata.rdev) || fields[4].empty() ||
      fields[4][0] != '/') {
    return {};
  }
  auto path = Unescape(fields[4].substr(1));
  if (!path) return {};
  for (size_t i = 5; i < fields.size(); ++i) {
    auto pair = SplitOnce(fields[i], '=');
    if (!pair) return {};
    auto name = Unescape(pair->first);
    auto value = Unescape(pair->second);
    if (!name || !value) return {};
    metadata.xattrs[*std::move(name)] = *std::move(value);
  }
  return std::pair(*std::move(path), std::move(metadata));
}

}  // namespace

// Zero first: as root, and for most files, that spares a system call.
uint32_t VirtualUid(uint32_t uid) {
  return uid == 0 || uid == ::geteuid() ? 0 : uid;
}

uint32_t VirtualGid(uint32_t gid) {
  // Who is root has no group that stands for root's, but that itself.
  if (gid == 0 || ::geteuid() == 0) return gid;
  return gid == ::getegid() ? 0 : gid;
}

uint32_t UidOnDisk(uint32_t uid) { return uid == 0 ? ::geteuid() : uid; }

uint32_t GidOnDisk(uint32_t gid) {
  return gid == 0 && ::geteuid() != 0 ? ::getegid() : gid;
}

void OwnershipJournal::Set(std::string_view path, VirtualMetadata metadata) {
  entries_.insert_or_assign(std::string(path), std::move(metadata));
}

OwnershipJournal OwnershipJournal::Subtree(std::string_view path) const {
  if (path.empty()) return *this;
  OwnershipJournal result;
  if (const VirtualMetadata* top = Find(path)) result.Set("", *top);
  const std::string prefix = std::string(path) + "/";
  for (auto it = entries_.lower_bound(prefix);
       it != entries_.end() && it->first.starts_with(prefix); ++it) {
    result.Set(it->first.substr(prefix.size()), it->second);
  }
  return result;
}

const VirtualMetadata* OwnershipJournal::Find(std::string_view path) const {
  auto entry = entries_.find(path);
  return entry == entries_.end() ? nullptr : &entry->second;
}

void OwnershipJournal::Remove(std::string_view path) {
  if (path.empty()) {
    entries_.clear();
    return;
  }
  if (auto entry = entries_.find(path); entry != entries_.end()) {
    entries_.erase(entry);
  }
  // What is below shares the prefix "path/", and '0' is the byte after '/'.
  std::string below(path);
  auto first = entries_.lower_bound(below + '/');
  auto last = entries_.lower_bound(below + '0');
  entries_.erase(first, last);
}

std::string OwnershipJournal::Serialize() const {
  std::string text(kHeader);
  text += '\n';
  for (const auto& [path, metadata] : entries_) {
    AppendEntry(path, metadata, text);
  }
  return text;
}

Result<OwnershipJournal> OwnershipJournal::Parse(std::string_view text) {
  std::vector<std::string_view> lines = Split(text, '\n');
  if (lines[0] != kHeader) {
    return Corrupt("ownership journal: line 1: expected \"" +
                   std::string(kHeader) + "\"");
  }
  // Every line is ended, or the file was cut short.
  if (!lines.back().empty() || lines.size() < 2) {
    return Corrupt("ownership journal: the last line is incomplete");
  }
  OwnershipJournal journal;
  for (size_t i = 1; i + 1 < lines.size(); ++i) {
    auto entry = ParseEntry(lines[i]);
    if (!entry) {
      return Corrupt("ownership journal: line " + std::to_string(i + 1) +
                     ": not an entry");
    }
    journal.Set(entry->first, std::move(entry->second));
  }
  return journal;
}

}  // namespace strake
