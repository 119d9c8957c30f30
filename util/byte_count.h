// Amounts of bytes as people write them.

#ifndef STRAKE_UTIL_BYTE_COUNT_H_
#define STRAKE_UTIL_BYTE_COUNT_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace strake {

// "500MB", "1.5g", "10GiB", "4096": units of a thousand, with an "i" of 1024.
// Nothing for anything else.
std::optional<uint64_t> ParseByteCount(std::string_view text);

}  // namespace strake

#endif  // STRAKE_UTIL_BYTE_COUNT_H_
