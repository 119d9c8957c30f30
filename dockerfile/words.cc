#include "dockerfile/words.h"

#include "dockerfile/json_array.h"
#include "dockerfile/unicode.h"

namespace strake::dockerfile {
namespace {

constexpr std::string_view kAsciiBlanks = "\t\v\f\r ";

// Reads one word of SplitQuoted that starts at `at`; leaves `at` behind it.
Word ReadQuotedWord(std::string_view text, char escape, size_t& at) {
  Word word{.text = {}, .begin = at, .end = at};
  char quote = 0;
  while (at < text.size()) {
    char c = text[at];
    if (quote == 0 && BlankLength(text, at) > 0) break;
    // Nothing can be escaped within single quotes.
    if (c == escape && quote != '\'') {
      if (at + 1 == text.size()) {
        ++at;
        break;
      }
      size_t length = 1 + CharLength(text, at + 1);
      word.text += text.substr(at, length);
      at += length;
      continue;
    }
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    }
    word.text += c;
    ++at;
  }
  word.end = at;
  return word;
}

}  // namespace

std::vector<Word> SplitAtBlanks(std::string_view text) {
  std::vector<Word> words;
  size_t at = 0;
  while (true) {
    size_t begin = text.find_first_not_of(kAsciiBlanks, at);
    if (begin == std::string_view::npos) return words;
    size_t end = text.find_first_of(kAsciiBlanks, begin);
    if (end == std::string_view::npos) end = text.size();
    words.push_back({.text = std::string(text.substr(begin, end - begin)),
                     .begin = begin,
                     .end = end});
    at = end;
  }
}

std::vector<Word> SplitQuoted(std::string_view text, char escape) {
  std::vector<Word> words;
  size_t at = 0;
  while (at < text.size()) {
    if (size_t blank = BlankLength(text, at)) {
      at += blank;
      continue;
    }
    Word word = ReadQuotedWord(text, escape, at);
    if (!word.text.empty()) words.push_back(std::move(word));
  }
  return words;
}

FirstWord SplitFirst(std::string_view text) {
  size_t end = text.find_first_of(kAsciiBlanks);
  if (end == std::string_view::npos) return {.word = text, .rest = {}};
  size_t rest = text.find_first_not_of(kAsciiBlanks, end);
  return {.word = text.substr(0, end),
          .rest = rest == std::string_view::npos ? std::string_view()
                                                 : text.substr(rest)};
}

JsonWords ParseJsonWords(std::string_view text) {
  text = TrimLeftBlanks(text);
  JsonWords result;
  if (text.empty() || text[0] != '[') return result;
  auto elements = ParseJsonArray(text);
  if (!elements) return result;
  result.kind = JsonWords::Kind::kStrings;
  for (std::optional<std::string>& element : *elements) {
    if (!element) return {.kind = JsonWords::Kind::kNotStrings, .words = {}};
    result.words.push_back(std::move(*element));
  }
  return result;
}

}  // namespace strake::dockerfile
