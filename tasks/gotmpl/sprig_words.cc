// Functions that know what a word is: cases, initials, wrapping.

#include <algorithm>
#include <vector>

#include "tasks/gotmpl/sprig.h"
#include "tasks/gotmpl/utf8.h"
#include "util/result_macros.h"

namespace strake::tasks::gotmpl {
namespace {

// strings.Title's idea of what separates words.
bool Separates(char32_t rune) {
  if (rune == '_' || IsDigit(rune) || IsLetter(rune)) return false;
  return rune < 0x80 || IsSpace(rune);
}

std::string Title(const std::string& text) {
  std::u32string runes = Runes(text);
  bool begins = true;
  for (char32_t& rune : runes) {
    char32_t title = begins ? ToUpperRune(rune) : rune;
    begins = Separates(rune);
    rune = title;
  }
  return FromRunes(runes);
}

// The first letter of each word lower-case; blanks separate words.
std::string Untitle(const std::string& text) {
  std::u32string runes = Runes(text);
  bool begins = true;
  for (char32_t& rune : runes) {
    if (IsSpace(rune)) {
      begins = true;
    } else if (begins) {
      rune = ToLowerRune(rune);
      begins = false;
    }
  }
  return FromRunes(runes);
}

std::string Initials(const std::string& text) {
  std::string out;
  bool begins = true;
  for (char32_t rune : Runes(text)) {
    if (!IsSpace(rune) && begins) AppendRune(out, rune);
    begins = IsSpace(rune);
  }
  return out;
}

std::string WithoutSpace(const std::string& text) {
  std::u32string runes = Runes(text);
  std::erase_if(runes, IsSpace);
  return FromRunes(runes);
}

std::string SwapCase(const std::string& text) {
  std::u32string runes = Runes(text);
  for (char32_t& rune : runes) {
    rune = IsUpper(rune) ? ToLowerRune(rune) : ToUpperRune(rune);
  }
  return FromRunes(runes);
}

bool Connects(char32_t rune) {
  return rune == '-' || rune == '_' || IsSpace(rune);
}

// "http_server" to "HttpServer"; connectors in front, and all but the last of
// several, stay.
std::string CamelCase(const std::string& text) {
  std::u32string runes = Runes(text);
  size_t first = 0;
  std::string out;
  while (first < runes.size() && Connects(runes[first])) {
    AppendRune(out, runes[first++]);
  }
  for (size_t i = first; i < runes.size(); ++i) {
    bool begins = i == first || Connects(runes[i - 1]);
    bool connects = Connects(runes[i]);
    bool last = i + 1 == runes.size();
    if (connects && !last && !Connects(runes[i + 1])) continue;
    if (connects) {
      AppendRune(out, runes[i]);
    } else {
      AppendRune(out, begins ? ToUpperRune(runes[i]) : ToLowerRune(runes[i]));
    }
  }
  return out;
}

enum class WordKind { kUpper, kLetters, kNumber, kConnector, kOther };

struct Word {
  WordKind kind = WordKind::kOther;
  std::u32string_view text;
};

WordKind KindOf(char32_t rune) {
  if (Connects(rune)) return WordKind::kConnector;
  if (IsUpper(rune)) return WordKind::kUpper;
  if (IsLetter(rune)) return WordKind::kLetters;
  if (IsDigit(rune)) return WordKind::kNumber;
  return WordKind::kOther;
}

// "HTTPServer20x" is HTTP, Server, 20, x: of several capitals, the last
// belongs to the letters that follow.
std::vector<Word> SplitWords(std::u32string_view runes) {
  std::vector<Word> words;
  while (!runes.empty()) {
    WordKind kind = KindOf(runes[0]);
    size_t length = 1;
    while (length < runes.size() && KindOf(runes[length]) == kind) ++length;
    bool letters =
        length < runes.size() && KindOf(runes[length]) == WordKind::kLetters;
    if (kind == WordKind::kUpper && letters && length > 1) {
      --length;
    } else if (kind == WordKind::kUpper && letters) {
      while (length < runes.size() &&
             KindOf(runes[length]) == WordKind::kLetters) {
        ++length;
      }
    }
    words.push_back({kind, runes.substr(0, length)});
    runes.remove_prefix(length);
  }
  return words;
}

// Words in lower case with `connector` between them. Digits belong to the
// word before them ("bld4_floor"), unless letters follow in small: then they
// begin one ("http_20x").
class Connector {
 public:
  Connector(std::vector<Word> words, char32_t connector)
      : words_(std::move(words)), connector_(connector) {}

  std::string Run() {
    for (size_t i = 0; i < words_.size(); ++i) {
      if (i > 0 && Breaks(i)) AppendRune(out_, connector_);
      AppendWord(words_[i]);
    }
    return std::move(out_);
  }

 private:
  static bool Spelled(WordKind kind) {
    return kind == WordKind::kUpper || kind == WordKind::kLetters ||
           kind == WordKind::kNumber;
  }

  // Whether a connector goes before word `i`.
  bool Breaks(size_t i) {
    WordKind before = words_[i - 1].kind;
    WordKind kind = words_[i].kind;
    if (!Spelled(before) || !Spelled(kind)) return false;
    // Small letters and numbers go on with a word that a number began.
    if (before == WordKind::kNumber) return kind == WordKind::kUpper;
    if (kind != WordKind::kNumber) {
      return kind == WordKind::kUpper || !InNumber(i);
    }
    if (InNumber(i)) return false;
    return i + 1 < words_.size() && words_[i + 1].kind == WordKind::kLetters;
  }

  // Whether the word before `i` goes on with a number, as "2m" does.
  bool InNumber(size_t i) const {
    for (size_t at = i; at-- > 0;) {
      if (words_[at].kind == WordKind::kNumber) return true;
      if (words_[at].kind != WordKind::kLetters) return false;
    }
    return false;
  }

  void AppendWord(const Word& word) {
    for (char32_t rune : word.text) {
      AppendRune(out_, Connects(rune) ? connector_ : ToLowerRune(rune));
    }
  }

  std::vector<Word> words_;
  char32_t connector_;
  std::string out_;
};

std::string Connected(const std::string& text, char32_t connector) {
  std::u32string runes = Runes(text);
  return Connector(SplitWords(runes), connector).Run();
}

enum class LongWords { kStay, kAreBroken };

// Lines of at most `width` bytes, broken at blanks, which go.
Result<std::string> Wrapped(std::string_view text, int64_t width,
                            std::string_view line_end, LongWords long_words) {
  std::string out;
  size_t most = width < 1 ? 1 : static_cast<size_t>(width);
  while (text.size() > most) {
    RETURN_IF_ERROR(CheckTextSize(out.size()));
    if (text[0] == ' ') {
      text.remove_prefix(1);
      continue;
    }
    size_t blank = text.substr(0, most + 1).rfind(' ');
    if (blank == std::string_view::npos && long_words == LongWords::kStay) {
      blank = text.find(' ', most);
      if (blank == std::string_view::npos) break;
    }
    bool broken = blank == std::string_view::npos;
    out += text.substr(0, broken ? most : blank);
    out += line_end;
    text.remove_prefix(broken ? most : blank + 1);
  }
  return out + std::string(text);
}

}  // namespace

void AddSprigWords(Functions& functions) {
  AddFunction(functions, "title", Title);
  AddFunction(functions, "untitle", Untitle);
  AddFunction(functions, "initials", Initials);
  AddFunction(functions, "nospace", WithoutSpace);
  AddFunction(functions, "swapcase", SwapCase);
  AddFunction(functions, "camelcase", CamelCase);
  AddFunction(functions, "snakecase",
              [](std::string text) { return Connected(text, '_'); });
  AddFunction(functions, "kebabcase",
              [](std::string text) { return Connected(text, '-'); });
  AddFunction(functions, "wrap", [](int64_t width, std::string text) {
    return Wrapped(text, width, "\n", LongWords::kStay);
  });
  AddFunction(functions, "wrapWith",
              [](int64_t width, std::string line_end, std::string text) {
                return Wrapped(text, width, line_end.empty() ? "\n" : line_end,
                               LongWords::kAreBroken);
              });
}

}  // namespace strake::tasks::gotmpl
