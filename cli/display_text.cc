// `wcwidth` would need a UTF-8 locale for the whole process, which libarchive
// would feel too; the ranges that matter are few.

#include "cli/display_text.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iterator>

#include "util/strings.h"

namespace strake::cli {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Unicode 15, EastAsianWidth W and F, joined where the gaps are unassigned.
constexpr Range kWide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23ec},
    {0x2614, 0x2615},   {0x26a1, 0x26a1},   {0x2705, 0x2705},
    {0x274c, 0x274c},   {0x2753, 0x2755},   {0x2757, 0x2757},
    {0x2795, 0x2797},   {0x2b50, 0x2b50},   {0x2e80, 0x303e},
    {0x3041, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97c},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},
    {0xfe30, 0xfe6f},   {0xff01, 0xff60},   {0xffe0, 0xffe6},
    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f7e0, 0x1f7eb},
    {0x1f90c, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};
// Combining marks, joiners and variation selectors.
constexpr Range kZero[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x064b, 0x065f},
    {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x200b, 0x200f}, {0x20d0, 0x20ff},
    {0x3099, 0x309a}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

template <size_t N>
bool Contains(const Range (&ranges)[N], char32_t c) {
  auto after = std::ranges::upper_bound(ranges, c, {}, &Range::first);
  return after != std::begin(ranges) && c <= std::prev(after)->last;
}

struct Character {
  char32_t code = 0;
  size_t bytes = 1;
  bool valid = false;
};

// The first character of `text`, which is not empty.
Character Decode(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
  char32_t code = lead & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  bool surrogate = code >= 0xd800 && code < 0xe000;
  if (code < kSmallest[length] || code > 0x10ffff || surrogate) return {};
  return {code, length, true};
}

size_t WidthOf(const Character& character) {
  if (!character.valid || character.code < 0x300) return 1;
  if (Contains(kZero, character.code)) return 0;
  return Contains(kWide, character.code) ? 2 : 1;
}

// The length of the escape sequence that `text` begins with (ECMA-48): CSI up
// to its final byte, OSC and the like up to BEL or ST, else two bytes.
size_t EscapeLength(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] == '[') {
    size_t end = 2;
    while (end < text.size() && (text[end] < 0x40 || text[end] > 0x7e)) ++end;
    return std::min(end + 1, text.size());
  }
  if (std::string_view("]PX^_").find(text[1]) != std::string_view::npos) {
    for (size_t i = 2; i < text.size(); ++i) {
      if (text[i] == '\a') return i + 1;
      if (text[i] == '\033' && i + 1 < text.size() && text[i + 1] == '\\') {
        return i + 2;
      }
    }
    return text.size();
  }
  return 2;
}

}  // namespace

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    Character character = Decode(text);
    width += WidthOf(character);
    text.remove_prefix(character.bytes);
  }
  return width;
}

std::string_view CutToWidth(std::string_view text, size_t columns) {
  size_t width = 0;
  size_t end = 0;
  while (end < text.size()) {
    Character character = Decode(text.substr(end));
    width += WidthOf(character);
    if (width > columns) break;
    end += character.bytes;
  }
  return text.substr(0, end);
}

std::string PlainLine(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (size_t start = line.rfind('\r'); start != std::string_view::npos) {
    line.remove_prefix(start + 1);
  }
  std::string plain;
  while (!line.empty()) {
    Character character = Decode(line);
    size_t length = character.bytes;
    bool control = character.code < 0x20 ||
                   (character.code >= 0x7f && character.code < 0xa0);
    if (!character.valid) {
      plain += '?';
    } else if (character.code == '\t') {
      plain.append(8 - DisplayWidth(plain) % 8, ' ');
    } else if (character.code == '\033') {
      length = EscapeLength(line);
    } else if (!control) {
      plain += line.substr(0, length);
    }
    line.remove_prefix(length);
  }
  return plain;
}

std::string FormatSeconds(std::chrono::system_clock::duration duration) {
  double seconds = std::chrono::duration<double>(duration).count();
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", std::max(seconds, 0.0));
  return text;
}

std::string TransferPace(uint64_t current_bytes, uint64_t total_bytes,
                         std::chrono::system_clock::duration elapsed) {
  double seconds = std::chrono::duration<double>(elapsed).count();
  // What a moment shows is no rate.
  if (seconds < 1 || current_bytes == 0) return "";
  double rate = static_cast<double>(current_bytes) / seconds;
  std::string text = HumanBytes(static_cast<uint64_t>(rate)) + "/s";
  if (total_bytes <= current_bytes) return text;
  auto left = static_cast<int64_t>(
      static_cast<double>(total_bytes - current_bytes) / rate + 0.5);
  std::string time = std::to_string(left % 60) + "s";
  if (left >= 60) time = std::to_string(left / 60 % 60) + "m" + time;
  if (left >= 3600) time = std::to_string(left / 3600) + "h" + time;
  return text + ", " + time + " left";
}

}  // namespace strake::cli
