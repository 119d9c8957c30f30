// The ways in which an instruction's arguments are split into words.
//
// All offsets count bytes in the text that was split.

#ifndef STRAKE_DOCKERFILE_WORDS_H_
#define STRAKE_DOCKERFILE_WORDS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strake::dockerfile {

// A word and where it stands: text[begin, end), quotes and escapes included.
struct Word {
  std::string text;
  size_t begin = 0;
  size_t end = 0;
  friend bool operator==(const Word&, const Word&) = default;
};

// Split at runs of ASCII blanks; quotes have no meaning. "" gives no words.
std::vector<Word> SplitAtBlanks(std::string_view text);

// Split at blanks outside of quotes (ENV, LABEL, ARG). Quotes and escapes stay
// in the words; a lone escape at the end of the text is dropped.
std::vector<Word> SplitQuoted(std::string_view text, char escape);

// What stands before the first run of ASCII blanks, and what behind it; the
// second is nothing where there are no blanks.
struct FirstWord {
  std::string_view word;
  std::optional<std::string_view> rest;
};
FirstWord SplitFirst(std::string_view text);

// The JSON (exec) form.
struct JsonWords {
  enum class Kind {
    kNone,        // no JSON array: the shell form, or a list of words
    kStrings,     // an array of strings, perhaps empty
    kNotStrings,  // an array that holds something else, which is an error
  };
  Kind kind = Kind::kNone;
  std::vector<std::string> words;  // kStrings
};
JsonWords ParseJsonWords(std::string_view text);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_WORDS_H_
