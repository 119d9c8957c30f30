// The little of Unicode that Dockerfiles need: blanks and letters beyond ASCII
// count, as in the language's reference implementation. Text that is not UTF-8
// is taken byte by byte and never a blank or a letter.

#ifndef STRAKE_DOCKERFILE_UNICODE_H_
#define STRAKE_DOCKERFILE_UNICODE_H_

#include <cstddef>
#include <string_view>

namespace strake::dockerfile {

// The length in bytes of the character at `at`; 1 for a byte that starts none.
// REQUIRES: at < text.size()
size_t CharLength(std::string_view text, size_t at);

bool IsUtf8(std::string_view text);

// The length in bytes of the blank character at `at`, or 0 if there is none.
size_t BlankLength(std::string_view text, size_t at);

// Without blank characters at the left end, at both ends.
std::string_view TrimLeftBlanks(std::string_view text);
std::string_view TrimBlanks(std::string_view text);

// The length in bytes of the letter, or of the decimal digit, at `at`, or 0.
size_t LetterLength(std::string_view text, size_t at);
size_t DigitLength(std::string_view text, size_t at);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_UNICODE_H_
