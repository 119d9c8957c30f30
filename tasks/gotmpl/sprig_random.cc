// Random texts, from OpenSSL's generator.

#include <openssl/rand.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>

#include "tasks/gotmpl/sprig.h"
#include "tasks/gotmpl/utf8.h"
#include "util/result_macros.h"

namespace strake::tasks::gotmpl {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

Status Fill(unsigned char* bytes, size_t count) {
  if (RAND_bytes(bytes, static_cast<int>(count)) == 1) return {};
  return Internal("the random generator failed");
}

// A number below `bound`, each as likely as the others.
Result<uint32_t> Below(uint32_t bound) {
  uint32_t fair = UINT32_MAX - UINT32_MAX % bound;
  while (true) {
    uint32_t number = 0;
    RETURN_IF_ERROR(
        Fill(reinterpret_cast<unsigned char*>(&number), sizeof number));
    if (number < fair) return number % bound;
  }
}

Result<std::string> Random(int64_t count, std::string_view alphabet) {
  std::string text;
  if (count <= 0) return text;
  RETURN_IF_ERROR(CheckListSize(static_cast<size_t>(count)));
  for (int64_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(uint32_t at,
                     Below(static_cast<uint32_t>(alphabet.size())));
    text += alphabet[at];
  }
  return text;
}

std::string PrintableAscii() {
  std::string all;
  for (char c = ' '; c < 0x7f; ++c) all += c;
  return all;
}

Result<std::string> Shuffle(const std::string& text) {
  std::u32string runes = Runes(text);
  RETURN_IF_ERROR(CheckListSize(runes.size()));
  for (size_t left = runes.size(); left > 1; --left) {
    ASSIGN_OR_RETURN(uint32_t at, Below(static_cast<uint32_t>(left)));
    std::swap(runes[at], runes[left - 1]);
  }
  return FromRunes(runes);
}

// RFC 4122, version 4.
Result<std::string> Uuid() {
  unsigned char bytes[16];
  RETURN_IF_ERROR(Fill(bytes, sizeof bytes));
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string text;
  for (size_t i = 0; i < sizeof bytes; ++i) {
    char buffer[3];
    std::snprintf(buffer, sizeof buffer, "%02x",
                  static_cast<unsigned>(bytes[i]));
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += buffer;
  }
  return text;
}

}  // namespace

void AddSprigRandom(Functions& functions) {
  AddFunction(functions, "randAlpha",
              [](int64_t count) { return Random(count, kLetters); });
  AddFunction(functions, "randNumeric",
              [](int64_t count) { return Random(count, kDigits); });
  AddFunction(functions, "randAlphaNum", [](int64_t count) {
    return Random(count, std::string(kLetters) + std::string(kDigits));
  });
  AddFunction(functions, "randAscii",
              [](int64_t count) { return Random(count, PrintableAscii()); });
  AddFunction(functions, "shuffle", Shuffle);
  AddFunction(functions, "uuidv4", Uuid);
}

}  // namespace strake::tasks::gotmpl
