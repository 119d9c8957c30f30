#include "tasks/gotmpl/format_number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tasks/gotmpl/format.h"
#include "tasks/gotmpl/utf8.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

std::string DigitsOf(uint64_t magnitude, int base, bool upper) {
  char buffer[65];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, magnitude, base);
  std::string digits(buffer, end.ptr);
  return upper ? ToUpper(digits) : digits;
}

// A sign, a prefix and digits, filled up: with zeros between prefix and
// digits, or with blanks outside.
std::string Assemble(bool negative, std::string_view prefix, std::string digits,
                     const Conversion& how) {
  std::string sign;
  if (negative) {
    sign = "-";
  } else if (how.plus) {
    sign = "+";
  } else if (how.space) {
    sign = " ";
  }
  size_t least = static_cast<size_t>(how.precision.value_or(0));
  if (how.zero && how.width && !how.precision) {
    least = static_cast<size_t>(*how.width);
    least -= std::min(least, sign.size());
  }
  if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
  Conversion blanks = how;
  blanks.zero = false;
  return Pad(sign + std::string(prefix) + digits, blanks);
}

std::string QuoteRune(char32_t rune, bool ascii) {
  if (rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000)) rune = kReplacement;
  char buffer[16];
  if (rune == '\'') return "'\\''";
  if (rune < 0x80) {
    std::string quoted = GoQuote(std::string(1, static_cast<char>(rune)));
    quoted = quoted == "\"\\\"\"" ? "\"\"\"" : quoted;
    return "'" + quoted.substr(1, quoted.size() - 2) + "'";
  }
  if (!ascii && IsPrintable(rune)) {
    std::string text = "'";
    AppendRune(text, rune);
    return text + "'";
  }
  std::snprintf(buffer, sizeof buffer,
                rune > 0xffff ? "'\\U%08x'" : "'\\u%04x'",
                static_cast<unsigned>(rune));
  return buffer;
}

std::string UnicodeText(int64_t number, const Conversion& how) {
  std::string text =
      "U+" + std::string(DigitsOf(static_cast<uint64_t>(number), 16, true));
  if (text.size() < 6) text.insert(2, 6 - text.size(), '0');
  auto rune = static_cast<char32_t>(number);
  if (how.sharp && number >= 0 && number <= 0x10ffff && IsPrintable(rune)) {
    text += " '";
    AppendRune(text, rune);
    text += "'";
  }
  return text;
}

// strconv's formats 'x' and 'b' of a finite number.
std::string HexFloat(double number, const Conversion& how, bool upper) {
  char buffer[512];
  if (how.precision) {
    std::snprintf(buffer, sizeof buffer, "%.*a", std::min(*how.precision, 200),
                  number);
  } else {
    std::snprintf(buffer, sizeof buffer, "%a", number);
  }
  std::string text = buffer;
  // Go writes at least two digits of the exponent.
  size_t exponent = text.find('p') + 2;
  if (text.size() - exponent < 2) text.insert(exponent, "0");
  return upper ? ToUpper(text) : text;
}

std::string BinaryFloat(double number) {
  int exponent = 0;
  double fraction = std::frexp(number, &exponent);
  auto mantissa = static_cast<int64_t>(std::ldexp(fraction, 53));
  int shown = number == 0 ? -1074 : exponent - 53;
  return std::to_string(mantissa) + "p" + (shown >= 0 ? "+" : "") +
         std::to_string(shown);
}

std::string WithPrecision(double number, char verb, int precision, bool sharp) {
  char format[] = {'%', '#', '.', '*', verb, '\0'};
  if (!sharp) {
    format[1] = '.';
    format[2] = '*';
    format[3] = verb;
    format[4] = '\0';
  }
  int size = std::snprintf(nullptr, 0, format, precision, number);
  std::vector<char> buffer(static_cast<size_t>(size) + 1);
  std::snprintf(buffer.data(), buffer.size(), format, precision, number);
  return std::string(buffer.data(), static_cast<size_t>(size));
}

// Without sign handling or padding; nothing for another verb.
std::optional<std::string> FloatDigits(double number, const Conversion& how) {
  char verb = static_cast<char>(how.verb);
  switch (how.verb) {
    case 'v':
    case 'g':
    case 'G': {
      char c_verb = verb == 'G' ? 'G' : 'g';
      bool zeros = how.sharp && how.verb != 'v';
      if (how.precision || zeros) {
        return WithPrecision(number, c_verb, how.precision.value_or(6), zeros);
      }
      std::string text = ShortestFloat(number, 6, -4);
      return verb == 'G' ? ToUpper(text) : text;
    }
    case 'e':
    case 'E':
    case 'f':
    case 'F':
      return WithPrecision(number, verb == 'F' ? 'f' : verb,
                           how.precision.value_or(6), how.sharp);
    case 'x':
    case 'X':
      return HexFloat(number, how, verb == 'X');
    case 'b':
      return BinaryFloat(number);
    default:
      return std::nullopt;
  }
}

std::string HexText(std::string_view text, const Conversion& how) {
  const char* format = how.verb == 'X' ? "%02X" : "%02x";
  std::string prefix = how.sharp ? (how.verb == 'X' ? "0X" : "0x") : "";
  std::string out;
  size_t count = text.size();
  if (how.precision) {
    count = std::min(count, static_cast<size_t>(*how.precision));
  }
  for (size_t i = 0; i < count; ++i) {
    if (i == 0 || how.space) {
      if (i > 0) out += ' ';
      out += prefix;
    }
    char buffer[3];
    std::snprintf(buffer, sizeof buffer, format,
                  static_cast<unsigned>(static_cast<unsigned char>(text[i])));
    out += buffer;
  }
  return out;
}

std::string Truncated(std::string_view text, const Conversion& how) {
  if (!how.precision) return std::string(text);
  std::string_view rest = text;
  for (int i = 0; i < *how.precision && !rest.empty(); ++i) {
    size_t length = 1;
    FirstRune(rest, length);
    rest.remove_prefix(length);
  }
  return std::string(text.substr(0, text.size() - rest.size()));
}

std::string QuoteAscii(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    size_t length = 1;
    char32_t rune = FirstRune(text, length);
    bool broken = rune == kReplacement && length == 1;
    if (rune < 0x80 || broken) {
      std::string quoted = GoQuote(text.substr(0, 1));
      out += quoted.substr(1, quoted.size() - 2);
    } else {
      std::string quoted = QuoteRune(rune, true);
      out += quoted.substr(1, quoted.size() - 2);
    }
    text.remove_prefix(length);
  }
  return out + "\"";
}

std::string Quoted(std::string_view text, const Conversion& how) {
  std::string shown = Truncated(text, how);
  bool plain =
      shown.find_first_of("`\n\r") == std::string::npos && ValidUtf8(shown);
  for (char c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t') plain = false;
  }
  if (how.sharp && how.verb == 'q' && plain) return "`" + shown + "`";
  return how.plus && how.verb == 'q' ? QuoteAscii(shown) : GoQuote(shown);
}

}  // namespace

std::string Pad(std::string_view text, const Conversion& how) {
  std::string padded(text);
  if (!how.width) return padded;
  size_t length = RuneCount(text);
  size_t width = static_cast<size_t>(*how.width);
  if (length >= width) return padded;
  if (how.minus) return padded.append(width - length, ' ');
  return padded.insert(0, width - length, how.zero ? '0' : ' ');
}

std::optional<std::string> FormatInteger(int64_t number,
                                         const Conversion& how) {
  bool negative = number < 0;
  uint64_t magnitude = negative ? 0 - static_cast<uint64_t>(number)
                                : static_cast<uint64_t>(number);
  int base = 10;
  std::string prefix;
  switch (how.verb) {
    case 'v':
    case 'd':
      break;
    case 'b':
      base = 2;
      if (how.sharp) prefix = "0b";
      break;
    case 'o':
    case 'O':
      base = 8;
      if (how.verb == 'O') prefix = "0o";
      break;
    case 'x':
    case 'X':
      base = 16;
      if (how.sharp) prefix = how.verb == 'X' ? "0X" : "0x";
      break;
    case 'c': {
      std::string text;
      AppendRune(text, negative || number > 0x10ffff
                           ? kReplacement
                           : static_cast<char32_t>(number));
      return Pad(text, how);
    }
    case 'q':
      return Pad(QuoteRune(negative || number > 0x10ffff
                               ? kReplacement
                               : static_cast<char32_t>(number),
                           how.plus),
                 how);
    case 'U':
      return Pad(UnicodeText(number, how), how);
    default:
      return std::nullopt;
  }
  std::string digits = DigitsOf(magnitude, base, how.verb == 'X');
  // Precision 0 prints nothing for 0.
  if (how.precision == 0 && number == 0) return Pad("", how);
  if (how.verb == 'o' && how.sharp) digits.insert(0, "0");
  return Assemble(negative, prefix, std::move(digits), how);
}

std::optional<std::string> FormatFloat(double number, const Conversion& how) {
  Conversion blanks = how;
  std::string digits;
  bool negative = std::signbit(number) && !std::isnan(number);
  if (std::isfinite(number)) {
    auto text = FloatDigits(std::fabs(number), how);
    if (!text) return std::nullopt;
    digits = *std::move(text);
  } else {
    if (!FloatDigits(0, how)) return std::nullopt;
    digits = std::isnan(number) ? "NaN" : "Inf";
    blanks.zero = false;
    if (!negative && !std::isnan(number)) blanks.plus = true;
  }
  blanks.precision.reset();
  return Assemble(negative, "", std::move(digits), blanks);
}

std::optional<std::string> FormatString(std::string_view text,
                                        const Conversion& how) {
  switch (how.verb) {
    case 'v':
      if (how.sharp) return Pad(Quoted(text, how), how);
      return Pad(Truncated(text, how), how);
    case 's':
      return Pad(Truncated(text, how), how);
    case 'q':
      return Pad(Quoted(text, how), how);
    case 'x':
    case 'X':
      return Pad(HexText(text, how), how);
    default:
      return std::nullopt;
  }
}

std::string ShortestFloat(double number, int scientific_from,
                          int scientific_below) {
  char buffer[512];
  if (!std::isfinite(number)) {
    return std::isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf";
  }
  auto end = std::to_chars(buffer, buffer + sizeof buffer, number,
                           std::chars_format::scientific);
  std::string text(buffer, end.ptr);
  int exponent = std::atoi(text.c_str() + text.find('e') + 1);
  if (exponent >= scientific_below && exponent < scientific_from) {
    end = std::to_chars(buffer, buffer + sizeof buffer, number,
                        std::chars_format::fixed);
    return std::string(buffer, end.ptr);
  }
  return text;
}

}  // namespace strake::tasks::gotmpl
