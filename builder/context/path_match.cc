#include "builder/context/path_match.h"

#include <algorithm>
#include <cstddef>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::context {
namespace {

constexpr char32_t kNotUtf8 = 0xFFFD;

struct Character {
  char32_t code_point = 0;
  size_t length = 1;  // in bytes
  bool valid = true;
};

// The character at the start of `text`, which is not empty.
Character Decode(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) {
    return {kNotUtf8, 1, false};
  }
  char32_t code_point = first & (0xFF >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {kNotUtf8, 1, false};
    code_point = code_point << 6 | (byte(i) & 0x3F);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code_point < kSmallest[length] || code_point > 0x10FFFF ||
      (code_point >= 0xD800 && code_point < 0xE000)) {
    return {kNotUtf8, 1, false};
  }
  return {code_point, length, true};
}

Error BadPattern(std::string_view pattern, std::string_view what) {
  return InvalidArgument("malformed pattern " + GoQuote(pattern) + ": " +
                         std::string(what));
}

}  // namespace

bool HasWildcard(std::string_view pattern) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    if (c == '\\') {
      ++i;
    } else if (c == '*' || c == '?' || c == '[') {
      return true;
    }
  }
  return false;
}

// Reads a class from behind its "[" on, and moves `at` behind its "]".
Result<PathPattern::Token> PathPattern::CompileClass(std::string_view pattern,
                                                     size_t& at) {
  Token token;
  token.kind = Token::Kind::kClass;
  if (at < pattern.size() && pattern[at] == '^') {
    token.negated = true;
    ++at;
  }
  auto next = [&]() -> Result<char32_t> {
    if (at >= pattern.size()) return BadPattern(pattern, "'[' without ']'");
    if (pattern[at] == '-' || pattern[at] == ']') {
      return BadPattern(pattern, "a class lacks a character");
    }
    if (pattern[at] == '\\' && ++at >= pattern.size()) {
      return BadPattern(pattern, "'\\' at the end");
    }
    Character character = Decode(pattern.substr(at));
    if (!character.valid) return BadPattern(pattern, "not UTF-8");
    at += character.length;
    return character.code_point;
  };
  while (true) {
    if (at < pattern.size() && pattern[at] == ']' && !token.ranges.empty()) {
      ++at;
      return token;
    }
    ASSIGN_OR_RETURN(char32_t low, next());
    char32_t high = low;
    if (at < pattern.size() && pattern[at] == '-') {
      ++at;
      ASSIGN_OR_RETURN(high, next());
    }
    token.ranges.push_back({low, high});
  }
}

Result<PathPattern> PathPattern::Compile(std::string_view pattern) {
  PathPattern compiled;
  for (size_t at = 0; at < pattern.size();) {
    Token token;
    char c = pattern[at++];
    if (c == '*') {
      token.kind = Token::Kind::kStar;
    } else if (c == '?') {
      token.kind = Token::Kind::kAny;
    } else if (c == '[') {
      ASSIGN_OR_RETURN(token, CompileClass(pattern, at));
    } else {
      if (c == '\\') {
        if (at == pattern.size()) return BadPattern(pattern, "'\\' at the end");
        c = pattern[at++];
      }
      token.byte = c;
    }
    compiled.tokens_.push_back(std::move(token));
  }
  return compiled;
}

bool PathPattern::Matches(std::string_view name) const {
  // Where to go on with one more character given to the last star: a star
  // before it need not be tried again.
  size_t star_token = tokens_.size(), star_at = 0;
  size_t token = 0, at = 0;
  while (at < name.size() || token < tokens_.size()) {
    if (token < tokens_.size()) {
      const Token& t = tokens_[token];
      if (t.kind == Token::Kind::kStar) {
        star_token = token++;
        star_at = at;
        continue;
      }
      if (at < name.size()) {
        bool matches = false;
        size_t length = 1;
        if (t.kind == Token::Kind::kByte) {
          matches = t.byte == name[at];
        } else {
          Character character = Decode(name.substr(at));
          length = character.length;
          matches = t.kind == Token::Kind::kAny ||
                    t.negated !=
                        std::ranges::any_of(t.ranges, [&](const auto& range) {
                          return range.first <= character.code_point &&
                                 character.code_point <= range.second;
                        });
        }
        if (matches) {
          ++token;
          at += length;
          continue;
        }
      }
    }
    if (star_token == tokens_.size() || star_at == name.size()) return false;
    token = star_token + 1;
    at = ++star_at;
  }
  return true;
}

}  // namespace strake::builder::context
