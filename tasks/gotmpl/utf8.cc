#include "tasks/gotmpl/utf8.h"

#include <locale.h>
#include <wctype.h>

namespace strake::tasks::gotmpl {
namespace {

// Lives as long as the process: glibc has the locale built in.
locale_t Utf8Locale() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

bool IsClass(char32_t rune, int (*test)(wint_t, locale_t)) {
  if (Utf8Locale() == nullptr) return false;
  return test(static_cast<wint_t>(rune), Utf8Locale()) != 0;
}

// The length that the first byte of `text` promises, or 0, and the bits of
// the rune that it holds.
size_t Promised(unsigned char first, char32_t& bits) {
  if (first < 0x80) {
    bits = first;
    return 1;
  }
  if (first >= 0xc2 && first <= 0xdf) {
    bits = first & 0x1f;
    return 2;
  }
  if (first >= 0xe0 && first <= 0xef) {
    bits = first & 0x0f;
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    bits = first & 0x07;
    return 4;
  }
  return 0;
}

}  // namespace

char32_t FirstRune(std::string_view text, size_t& length) {
  char32_t rune = 0;
  size_t promised = Promised(static_cast<unsigned char>(text[0]), rune);
  length = 1;
  if (promised == 0 || promised > text.size()) return kReplacement;
  for (size_t i = 1; i < promised; ++i) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    if ((c & 0xc0) != 0x80) return kReplacement;
    rune = (rune << 6) | (c & 0x3f);
  }
  bool overlong =
      (promised == 3 && rune < 0x800) || (promised == 4 && rune < 0x10000);
  bool surrogate = rune >= 0xd800 && rune < 0xe000;
  if (overlong || surrogate || rune > 0x10ffff) return kReplacement;
  length = promised;
  return rune;
}

std::u32string Runes(std::string_view text) {
  std::u32string runes;
  while (!text.empty()) {
    size_t length = 1;
    runes += FirstRune(text, length);
    text.remove_prefix(length);
  }
  return runes;
}

void AppendRune(std::string& out, char32_t rune) {
  if (rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000)) rune = kReplacement;
  auto byte = [&](char32_t value) { out += static_cast<char>(value); };
  if (rune < 0x80) {
    byte(rune);
  } else if (rune < 0x800) {
    byte(0xc0 | (rune >> 6));
    byte(0x80 | (rune & 0x3f));
  } else if (rune < 0x10000) {
    byte(0xe0 | (rune >> 12));
    byte(0x80 | ((rune >> 6) & 0x3f));
    byte(0x80 | (rune & 0x3f));
  } else {
    byte(0xf0 | (rune >> 18));
    byte(0x80 | ((rune >> 12) & 0x3f));
    byte(0x80 | ((rune >> 6) & 0x3f));
    byte(0x80 | (rune & 0x3f));
  }
}

std::string FromRunes(std::u32string_view runes) {
  std::string text;
  for (char32_t rune : runes) AppendRune(text, rune);
  return text;
}

size_t RuneCount(std::string_view text) {
  size_t count = 0;
  while (!text.empty()) {
    size_t length = 1;
    FirstRune(text, length);
    text.remove_prefix(length);
    ++count;
  }
  return count;
}

bool ValidUtf8(std::string_view text) {
  while (!text.empty()) {
    size_t length = 1;
    if (FirstRune(text, length) == kReplacement && length == 1) return false;
    text.remove_prefix(length);
  }
  return true;
}

char32_t ToUpperRune(char32_t rune) {
  if (rune < 0x80) return rune >= 'a' && rune <= 'z' ? rune - 32 : rune;
  if (Utf8Locale() == nullptr) return rune;
  return static_cast<char32_t>(
      towupper_l(static_cast<wint_t>(rune), Utf8Locale()));
}

char32_t ToLowerRune(char32_t rune) {
  if (rune < 0x80) return rune >= 'A' && rune <= 'Z' ? rune + 32 : rune;
  if (Utf8Locale() == nullptr) return rune;
  return static_cast<char32_t>(
      towlower_l(static_cast<wint_t>(rune), Utf8Locale()));
}

bool IsDigit(char32_t rune) { return rune >= '0' && rune <= '9'; }
bool IsLetter(char32_t rune) {
  return !IsDigit(rune) && IsClass(rune, iswalpha_l);
}
bool IsUpper(char32_t rune) { return IsClass(rune, iswupper_l); }
bool IsLower(char32_t rune) { return IsClass(rune, iswlower_l); }

bool IsSpace(char32_t rune) {
  return (rune >= 9 && rune <= 13) || rune == 0x20 || rune == 0x85 ||
         rune == 0xa0 || rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200a) ||
         rune == 0x2028 || rune == 0x2029 || rune == 0x202f || rune == 0x205f ||
         rune == 0x3000;
}

bool IsPrintable(char32_t rune) {
  if (rune < 0x80) return rune >= 0x20 && rune < 0x7f;
  return !IsSpace(rune) && rune != 0xad && IsClass(rune, iswprint_l);
}

std::string UpperText(std::string_view text) {
  std::u32string runes = Runes(text);
  for (char32_t& rune : runes) rune = ToUpperRune(rune);
  return FromRunes(runes);
}

std::string LowerText(std::string_view text) {
  std::u32string runes = Runes(text);
  for (char32_t& rune : runes) rune = ToLowerRune(rune);
  return FromRunes(runes);
}

std::string_view TrimSpaceText(std::string_view text) {
  size_t length = 1;
  while (!text.empty() && IsSpace(FirstRune(text, length))) {
    text.remove_prefix(length);
  }
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 &&
           (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80)
      --start;
    std::string_view last = text.substr(start);
    if (!IsSpace(FirstRune(last, length)) || length != last.size()) break;
    text.remove_suffix(length);
  }
  return text;
}

}  // namespace strake::tasks::gotmpl
