#include "dockerfile/json_array.h"

#include <cstdint>
#include <utility>

#include "dockerfile/unicode.h"

namespace strake::dockerfile {
namespace {

constexpr size_t kMaxDepth = 10000;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

void AppendUtf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::optional<std::vector<std::optional<std::string>>> Read();

 private:
  bool AtEnd() const { return at_ == text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  bool Accept(char c) {
    if (AtEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool AcceptWord(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  void SkipBlanks() {
    while (!AtEnd() && (Peek() == ' ' || Peek() == '\t' || Peek() == '\n' ||
                        Peek() == '\r')) {
      ++at_;
    }
  }
  bool AcceptDigits();
  bool SkipNumber();
  bool SkipScalar();
  // Any value that is not a string, arrays and objects without recursion.
  bool SkipValue();
  bool SkipKey();
  std::optional<std::string> ReadString();
  std::optional<uint32_t> ReadHex();
  bool ReadEscape(std::string& out);

  std::string_view text_;
  size_t at_ = 0;
};

bool Reader::AcceptDigits() {
  size_t start = at_;
  while (Peek() >= '0' && Peek() <= '9') ++at_;
  return at_ > start;
}

bool Reader::SkipNumber() {
  Accept('-');
  if (!Accept('0') && !AcceptDigits()) return false;
  if (Accept('.') && !AcceptDigits()) return false;
  if (Accept('e') || Accept('E')) {
    if (!Accept('+')) Accept('-');
    if (!AcceptDigits()) return false;
  }
  return true;
}

bool Reader::SkipScalar() {
  if (Peek() == '"') return ReadString().has_value();
  if (Peek() == '-' || (Peek() >= '0' && Peek() <= '9')) return SkipNumber();
  return AcceptWord("true") || AcceptWord("false") || AcceptWord("null");
}

bool Reader::SkipKey() {
  SkipBlanks();
  if (!ReadString()) return false;
  SkipBlanks();
  return Accept(':');
}

bool Reader::SkipValue() {
  std::string open;  // the brackets around, innermost last
  while (true) {
    SkipBlanks();
    if (Peek() == '[' || Peek() == '{') {
      char bracket = text_[at_++];
      if (open.size() == kMaxDepth) return false;
      SkipBlanks();
      if (!Accept(bracket == '[' ? ']' : '}')) {
        open += bracket;
        if (bracket == '{' && !SkipKey()) return false;
        continue;
      }
    } else if (!SkipScalar()) {
      return false;
    }
    // Behind a value: close what ends here, or go on to the next element.
    while (true) {
      if (open.empty()) return true;
      SkipBlanks();
      bool object = open.back() == '{';
      if (Accept(',')) {
        if (object && !SkipKey()) return false;
        break;
      }
      if (!Accept(object ? '}' : ']')) return false;
      open.pop_back();
    }
  }
}

std::optional<uint32_t> Reader::ReadHex() {
  if (text_.size() - at_ < 4) return {};
  uint32_t code = 0;
  for (int i = 0; i < 4; ++i) {
    char c = text_[at_++];
    uint32_t digit =
        c >= '0' && c <= '9'   ? static_cast<uint32_t>(c - '0')
        : c >= 'a' && c <= 'f' ? static_cast<uint32_t>(c - 'a' + 10)
        : c >= 'A' && c <= 'F' ? static_cast<uint32_t>(c - 'A' + 10)
                               : 16;
    if (digit == 16) return {};
    code = code << 4 | digit;
  }
  return code;
}

bool Reader::ReadEscape(std::string& out) {
  if (AtEnd()) return false;
  char c = text_[at_++];
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  if (size_t i = kLetters.find(c); i != std::string_view::npos) {
    out += kMeanings[i];
    return true;
  }
  if (c != 'u') return false;
  auto code = ReadHex();
  if (!code) return false;
  if (*code >= 0xd800 && *code <= 0xdbff && text_.substr(at_, 2) == "\\u") {
    size_t before = at_;
    at_ += 2;
    auto low = ReadHex();
    if (low && *low >= 0xdc00 && *low <= 0xdfff) {
      AppendUtf8(0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00), out);
      return true;
    }
    at_ = before;
  }
  if (*code >= 0xd800 && *code <= 0xdfff) {
    out += kReplacement;
  } else {
    AppendUtf8(*code, out);
  }
  return true;
}

std::optional<std::string> Reader::ReadString() {
  if (!Accept('"')) return {};
  std::string out;
  while (!AtEnd()) {
    unsigned char c = static_cast<unsigned char>(text_[at_]);
    if (c == '"') {
      ++at_;
      return out;
    }
    if (c < 0x20) return {};
    if (c == '\\') {
      ++at_;
      if (!ReadEscape(out)) return {};
      continue;
    }
    size_t length = CharLength(text_, at_);
    if (c >= 0x80 && length == 1) {
      out += kReplacement;
    } else {
      out += text_.substr(at_, length);
    }
    at_ += length;
  }
  return {};
}

std::optional<std::vector<std::optional<std::string>>> Reader::Read() {
  SkipBlanks();
  if (!Accept('[')) return {};
  std::vector<std::optional<std::string>> elements;
  SkipBlanks();
  if (!Accept(']')) {
    do {
      SkipBlanks();
      if (Peek() == '"') {
        auto element = ReadString();
        if (!element) return {};
        elements.push_back(std::move(element));
      } else {
        if (!SkipValue()) return {};
        elements.push_back({});
      }
      SkipBlanks();
    } while (Accept(','));
    if (!Accept(']')) return {};
  }
  SkipBlanks();
  if (!AtEnd()) return {};
  return elements;
}

}  // namespace

std::optional<std::vector<std::optional<std::string>>> ParseJsonArray(
    std::string_view text) {
  return Reader(text).Read();
}

}  // namespace strake::dockerfile
