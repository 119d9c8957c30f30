#include "dockerfile/unicode.h"

#include <re2/re2.h>

#include <cstdint>

namespace strake::dockerfile {
namespace {

struct Char {
  uint32_t code = 0;
  size_t length = 1;
  bool valid = false;
};

Char Decode(std::string_view text, size_t at) {
  auto byte = [&](size_t i) -> uint32_t {
    return static_cast<unsigned char>(text[i]);
  };
  uint32_t lead = byte(at);
  if (lead < 0x80) return {lead, 1, true};
  size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                  : lead >= 0xe0 && lead <= 0xef ? 3
                  : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                 : 0;
  if (length == 0 || text.size() - at < length) return {};
  uint32_t code = lead & (0xff >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(at + i) & 0x3f);
  }
  bool overlong =
      (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (overlong || surrogate || code > 0x10ffff) return {};
  return {code, length, true};
}

bool IsBlank(uint32_t code) {
  return (code >= 0x09 && code <= 0x0d) || code == 0x20 || code == 0x85 ||
         code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
         code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f ||
         code == 0x3000;
}

bool Matches(const re2::RE2& pattern, std::string_view text) {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()),
                             pattern);
}

bool IsAsciiLetter(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

size_t CharLength(std::string_view text, size_t at) {
  return Decode(text, at).length;
}

bool IsUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    Char c = Decode(text, at);
    if (!c.valid) return false;
    at += c.length;
  }
  return true;
}

size_t BlankLength(std::string_view text, size_t at) {
  if (at >= text.size()) return 0;
  Char c = Decode(text, at);
  return c.valid && IsBlank(c.code) ? c.length : 0;
}

std::string_view TrimLeftBlanks(std::string_view text) {
  size_t at = 0;
  while (size_t length = BlankLength(text, at)) at += length;
  return text.substr(at);
}

std::string_view TrimBlanks(std::string_view text) {
  text = TrimLeftBlanks(text);
  while (!text.empty()) {
    // A character is at most four bytes; find where the last one starts.
    size_t start = text.size() - 1;
    while (start > 0 && text.size() - start < 4 &&
           (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80) {
      --start;
    }
    size_t length = BlankLength(text, start);
    if (length == 0 || start + length != text.size()) break;
    text = text.substr(0, start);
  }
  return text;
}

size_t LetterLength(std::string_view text, size_t at) {
  if (at >= text.size()) return 0;
  unsigned char lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return IsAsciiLetter(lead) ? 1 : 0;
  static const re2::RE2& letter = *new re2::RE2("\\p{L}");
  Char c = Decode(text, at);
  return c.valid && Matches(letter, text.substr(at, c.length)) ? c.length : 0;
}

size_t DigitLength(std::string_view text, size_t at) {
  if (at >= text.size()) return 0;
  unsigned char lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return lead >= '0' && lead <= '9' ? 1 : 0;
  static const re2::RE2& digit = *new re2::RE2("\\p{Nd}");
  Char c = Decode(text, at);
  return c.valid && Matches(digit, text.substr(at, c.length)) ? c.length : 0;
}

}  // namespace strake::dockerfile
