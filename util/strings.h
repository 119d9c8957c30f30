// Small text helpers that the standard library lacks. Locale-free: bytes
// above 0x7f are never letters or blanks.

#ifndef STRAKE_UTIL_STRINGS_H_
#define STRAKE_UTIL_STRINGS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strake {

// The pieces of `text` between `separator`s; "a,,b" gives three, "" gives one
// empty piece.
std::vector<std::string_view> Split(std::string_view text, char separator);
// The two parts around the first `separator`, or nothing where there is none.
std::optional<std::pair<std::string_view, std::string_view>> SplitOnce(
    std::string_view text, char separator);

// `pieces` with `separator` between them.
std::string Join(const std::vector<std::string>& pieces,
                 std::string_view separator);

// Pointers to `strings` and a null pointer behind, as execve(2) takes them:
// char* for history's sake, nobody writes.
std::vector<char*> CStrings(const std::vector<std::string>& strings);

// Without the blanks (space, \t \n \v \f \r) at either end.
std::string_view Trim(std::string_view text);
std::string_view TrimLeft(std::string_view text);
std::string_view TrimRight(std::string_view text);

// ASCII only.
std::string ToLower(std::string_view text);
std::string ToUpper(std::string_view text);
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

// Every non-overlapping `from` replaced by `to`. REQUIRES: !from.empty()
std::string ReplaceAll(std::string_view text, std::string_view from,
                       std::string_view to);

// A decimal number that fills all of `text`; no sign for the unsigned form.
std::optional<int64_t> ParseInt(std::string_view text);
std::optional<uint64_t> ParseUint(std::string_view text, int base = 10);

// Lower-case hexadecimal, two digits a byte.
std::string HexEncode(std::span<const std::byte> bytes);
// Accepts lower case only; nothing for any other character or an odd length.
std::optional<std::vector<std::byte>> HexDecode(std::string_view text);

// RFC 4648 base64 with padding. Decoding also takes the URL alphabet and
// missing padding, as registries' tokens come.
std::string Base64Encode(std::string_view bytes);
std::optional<std::string> Base64Decode(std::string_view text);

// "1.5 MB"; powers of 1000, as buildx prints sizes.
std::string HumanBytes(uint64_t bytes);

// Go's %q: a double-quoted string with Go's escapes; bytes that are not UTF-8
// become \xNN.
std::string GoQuote(std::string_view text);

// path.Clean of Go: "//" and "/./" removed, ".." resolved lexically, no
// trailing "/"; "" becomes ".".
std::string CleanPath(std::string_view path);

}  // namespace strake

#endif  // STRAKE_UTIL_STRINGS_H_
