// A strict JSON reader for the exec form, with the leniencies of the
// language's reference implementation in strings and nowhere else: bytes that
// are not UTF-8 and lone surrogates become U+FFFD.

#ifndef STRAKE_DOCKERFILE_JSON_ARRAY_H_
#define STRAKE_DOCKERFILE_JSON_ARRAY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strake::dockerfile {

// The elements of the JSON array that is all of `text`: the string, or nothing
// for an element of another type. Nothing at all where `text` is no such array.
std::optional<std::vector<std::optional<std::string>>> ParseJsonArray(
    std::string_view text);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_JSON_ARRAY_H_
