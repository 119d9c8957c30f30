// Base64, base32 and sums.

#include <array>
#include <cstdint>
#include <optional>

#include "tasks/gotmpl/sprig.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

// RFC 4648, either base.
struct Alphabet {
  std::string_view name;
  std::string_view digits;
  size_t bits = 0;   // of a digit
  size_t group = 0;  // digits of a full group
};

constexpr Alphabet kBase64 = {
    "base64",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 6, 4};
constexpr Alphabet kBase32 = {"base32", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 5,
                              8};

std::string Encode(std::string_view bytes, const Alphabet& alphabet) {
  std::string text;
  uint32_t bits = 0;
  size_t have = 0;
  for (char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    have += 8;
    while (have >= alphabet.bits) {
      have -= alphabet.bits;
      text += alphabet.digits[(bits >> have) & ((1U << alphabet.bits) - 1)];
    }
  }
  if (have > 0) {
    bits <<= alphabet.bits - have;
    text += alphabet.digits[bits & ((1U << alphabet.bits) - 1)];
  }
  while (text.size() % alphabet.group != 0) text += '=';
  return text;
}

// Where Go's decoder stops: what is given back in place of the bytes.
std::string IllegalInput(const Alphabet& alphabet, size_t at) {
  return "illegal " + std::string(alphabet.name) + " data at input byte " +
         std::to_string(at);
}

// How many digits may come before padding: those that end on a whole byte.
bool EndsWell(size_t digits, const Alphabet& alphabet) {
  size_t spare = (digits * alphabet.bits) % 8;
  return spare < alphabet.bits;
}

// The bytes, or, as sprig does, the error's text. Line ends are skipped.
std::string Decode(std::string_view text, const Alphabet& alphabet) {
  std::string bytes;
  uint32_t bits = 0;
  size_t have = 0;
  size_t digits = 0;
  size_t i = 0;
  auto skip_line_ends = [&] {
    while (i < text.size() && (text[i] == '\n' || text[i] == '\r')) ++i;
  };
  for (skip_line_ends(); i < text.size(); ++i, skip_line_ends()) {
    if (text[i] == '=') break;
    size_t digit = alphabet.digits.find(text[i]);
    if (digit == std::string_view::npos) return IllegalInput(alphabet, i);
    bits = (bits << alphabet.bits) | static_cast<uint32_t>(digit);
    have += alphabet.bits;
    ++digits;
    if (have < 8) continue;
    have -= 8;
    bytes += static_cast<char>((bits >> have) & 0xff);
  }
  size_t last = digits % alphabet.group;
  if (last == 0) {
    return i < text.size() ? IllegalInput(alphabet, i) : bytes;
  }
  // Go points at the group that padding is missing from.
  if (i >= text.size()) return IllegalInput(alphabet, text.size() - last);
  if (!EndsWell(last, alphabet)) return IllegalInput(alphabet, i);
  for (size_t padding = last; padding < alphabet.group; ++padding) {
    if (i >= text.size() || text[i] != '=') {
      return IllegalInput(alphabet, i);
    }
    ++i;
    skip_line_ends();
  }
  return i < text.size() ? IllegalInput(alphabet, i) : bytes;
}

}  // namespace

void AddSprigEncoding(Functions& functions) {
  // Nothing is encoded as "": secrets that a run lacks render empty.
  AddFunction(functions, "b64enc", [](Value value) -> Result<std::string> {
    if (value.nil()) return std::string();
    ASSIGN_OR_RETURN(std::string text, ToText(value));
    return Encode(text, kBase64);
  });
  AddFunction(functions, "b64dec",
              [](std::string text) { return Decode(text, kBase64); });
  AddFunction(functions, "b32enc",
              [](std::string text) { return Encode(text, kBase32); });
  AddFunction(functions, "b32dec",
              [](std::string text) { return Decode(text, kBase32); });
}

}  // namespace strake::tasks::gotmpl
