// Amounts of storage and of time, as options give them; tables of them.

#ifndef STRAKE_CLI_STORAGE_VALUES_H_
#define STRAKE_CLI_STORAGE_VALUES_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::cli {

// "500MB", "1.5g", "10GiB", "4096": bytes. Units of a thousand, with an "i" of
// 1024. Errors name `option`.
Result<uint64_t> ParseBytes(std::string_view option, std::string_view text);

// "90s", "15m", "24h", "7d", "1h30m"; a number alone is seconds.
Result<std::chrono::seconds> ParseDuration(std::string_view option,
                                           std::string_view text);

// Rows of equally many cells, the first one titles, in aligned columns.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace strake::cli

#endif  // STRAKE_CLI_STORAGE_VALUES_H_
