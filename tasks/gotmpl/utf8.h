// UTF-8 text as Go's `for range` and `unicode` see it. Letters and cases are
// those of the C library's C.UTF-8, whatever the process's locale.

#ifndef STRAKE_TASKS_GOTMPL_UTF8_H_
#define STRAKE_TASKS_GOTMPL_UTF8_H_

#include <string>
#include <string_view>

namespace strake::tasks::gotmpl {

inline constexpr char32_t kReplacement = 0xfffd;

// The runes of `text`; each byte that begins none is U+FFFD.
std::u32string Runes(std::string_view text);
// The first rune of `text`, whose length in bytes goes to `length` (1 for a
// byte that begins none). REQUIRES: !text.empty()
char32_t FirstRune(std::string_view text, size_t& length);

void AppendRune(std::string& out, char32_t rune);
std::string FromRunes(std::u32string_view runes);
size_t RuneCount(std::string_view text);
bool ValidUtf8(std::string_view text);

char32_t ToUpperRune(char32_t rune);
char32_t ToLowerRune(char32_t rune);
bool IsLetter(char32_t rune);
bool IsDigit(char32_t rune);
bool IsSpace(char32_t rune);
bool IsUpper(char32_t rune);
bool IsLower(char32_t rune);
// What %q leaves as it is.
bool IsPrintable(char32_t rune);

// strings.ToUpper, ToLower and TrimSpace of Go.
std::string UpperText(std::string_view text);
std::string LowerText(std::string_view text);
std::string_view TrimSpaceText(std::string_view text);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_UTF8_H_
