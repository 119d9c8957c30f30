#include "tasks/gotmpl/constant.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "tasks/gotmpl/utf8.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

// The number of `count` digits at the front of `text`, which it consumes.
std::optional<char32_t> TakeDigits(std::string_view& text, size_t count,
                                   int base) {
  if (text.size() < count) return std::nullopt;
  char32_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    int digit = DigitValue(text[i]);
    if (digit >= base) return std::nullopt;
    value = value * static_cast<char32_t>(base) + static_cast<char32_t>(digit);
  }
  text.remove_prefix(count);
  return value;
}

// One escape, behind its backslash.
bool AppendEscape(std::string_view& rest, char quote, std::string& out) {
  if (rest.empty()) return false;
  char c = rest[0];
  constexpr std::string_view kLetters = "abfnrtv\\";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\";
  if (size_t at = kLetters.find(c); at != std::string_view::npos) {
    out += kMeanings[at];
    rest.remove_prefix(1);
    return true;
  }
  if (c == quote) {
    out += c;
    rest.remove_prefix(1);
    return true;
  }
  std::optional<char32_t> value;
  bool byte = c == 'x' || (c >= '0' && c <= '7');
  if (c >= '0' && c <= '7') {
    value = TakeDigits(rest, 3, 8);
    if (value && *value > 255) return false;
  } else if (c == 'x' || c == 'u' || c == 'U') {
    rest.remove_prefix(1);
    value = TakeDigits(rest, c == 'x' ? 2 : c == 'u' ? 4 : 8, 16);
  }
  if (!value) return false;
  if (byte) {
    out += static_cast<char>(*value);
    return true;
  }
  if (*value > 0x10ffff || (*value >= 0xd800 && *value < 0xe000)) return false;
  AppendRune(out, *value);
  return true;
}

// Without its underscores; nothing where one is not between two digits (or a
// prefix and a digit).
std::optional<std::string> WithoutUnderscores(std::string_view text) {
  std::string plain;
  bool prefixed = text.size() > 1 && text[0] == '0';
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      plain += text[i];
      continue;
    }
    bool before =
        i > 0 && (DigitValue(text[i - 1]) < 16 || (i == 2 && prefixed));
    bool after = i + 1 < text.size() && DigitValue(text[i + 1]) < 16;
    if (!prefixed && !(i > 0 && DigitValue(text[i - 1]) < 10)) before = false;
    if (!before || !after) return std::nullopt;
  }
  return plain;
}

// The base that the prefix of `digits` names; the prefix goes.
int TakePrefix(std::string_view& digits) {
  if (digits.size() < 2 || digits[0] != '0') return 10;
  int base = 8;
  size_t length = 1;
  switch (digits[1]) {
    case 'x':
    case 'X':
      base = 16;
      length = 2;
      break;
    case 'o':
    case 'O':
      length = 2;
      break;
    case 'b':
    case 'B':
      base = 2;
      length = 2;
      break;
    default:
      break;
  }
  digits.remove_prefix(length);
  return base;
}

// Whether `text` is all digits of an integer, of whatever size.
bool LooksLikeInteger(std::string_view text) {
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    text.remove_prefix(1);
  }
  auto plain = WithoutUnderscores(text);
  if (!plain) return false;
  std::string_view digits = *plain;
  int base = TakePrefix(digits);
  if (digits.empty()) return false;
  for (char c : digits) {
    if (DigitValue(c) >= base) return false;
  }
  return true;
}

std::optional<NumberConstant> ParseCharacter(std::string_view text) {
  auto content = Unquote(text);
  if (!content || content->empty()) return std::nullopt;
  NumberConstant number;
  // '\xff' is the number 255, though no rune begins with that byte.
  if (content->size() == 1) {
    number.value = static_cast<int>(static_cast<unsigned char>((*content)[0]));
    return number;
  }
  size_t length = 1;
  char32_t rune = FirstRune(*content, length);
  if (length != content->size()) return std::nullopt;
  number.value = static_cast<int64_t>(rune);
  return number;
}

}  // namespace

std::optional<std::string> Unquote(std::string_view quoted) {
  if (quoted.size() < 2 || quoted.front() != quoted.back()) return std::nullopt;
  char quote = quoted.front();
  std::string_view rest = quoted.substr(1, quoted.size() - 2);
  // Go drops carriage returns from raw strings.
  if (quote == '`') return ReplaceAll(rest, "\r", "");
  std::string out;
  while (!rest.empty()) {
    char c = rest[0];
    if (c == '\n' || c == quote) return std::nullopt;
    rest.remove_prefix(1);
    if (c != '\\') {
      out += c;
    } else if (!AppendEscape(rest, quote, out)) {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<int64_t> ParseGoInt(std::string_view text) {
  bool negative = text.starts_with("-");
  if (negative || text.starts_with("+")) text.remove_prefix(1);
  if (!LooksLikeInteger(text)) return std::nullopt;
  if (text[0] == '+' || text[0] == '-') return std::nullopt;
  auto plain = WithoutUnderscores(text);
  std::string_view digits = *plain;
  int base = TakePrefix(digits);
  auto magnitude = ParseUint(digits, base);
  if (!magnitude) return std::nullopt;
  constexpr uint64_t kTop = uint64_t{1} << 63;
  if (*magnitude > (negative ? kTop : kTop - 1)) return std::nullopt;
  if (negative) return static_cast<int64_t>(0 - *magnitude);
  return static_cast<int64_t>(*magnitude);
}

std::optional<double> ParseGoFloat(std::string_view text) {
  auto plain = WithoutUnderscores(text);
  if (!plain || plain->empty()) return std::nullopt;
  std::string lower = ToLower(*plain);
  std::string_view digits = lower;
  bool negative = digits.starts_with("-");
  if (negative || digits.starts_with("+")) digits.remove_prefix(1);
  bool hex = digits.starts_with("0x");
  if (hex) digits.remove_prefix(2);
  // Hexadecimal floats need their exponent; from_chars takes them without.
  if (hex && digits.find('p') == std::string_view::npos) return std::nullopt;
  bool word = digits == "inf" || digits == "infinity" || digits == "nan";
  if (digits.empty() ||
      (!word && DigitValue(digits[0]) > 15 && digits[0] != '.')) {
    return std::nullopt;
  }
  double value = 0;
  auto format = hex ? std::chars_format::hex : std::chars_format::general;
  auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(),
                                value, format);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

std::optional<NumberConstant> ParseNumber(std::string_view text) {
  if (text.starts_with("'")) return ParseCharacter(text);
  NumberConstant number;
  if (auto integer = ParseGoInt(text)) {
    number.value = *integer;
    return number;
  }
  if (LooksLikeInteger(text)) {
    number.overflow = true;
    return number;
  }
  auto real = ParseGoFloat(text);
  if (!real || !std::isfinite(*real)) return std::nullopt;
  number.value = *real;
  return number;
}

}  // namespace strake::tasks::gotmpl
