// Text for terminals: how wide it is, how to cut it, and how to take from a
// program's output what a single line can show.

#ifndef STRAKE_CLI_DISPLAY_TEXT_H_
#define STRAKE_CLI_DISPLAY_TEXT_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace strake::cli {

// The columns that `text` (UTF-8) takes: East Asian wide characters and emoji
// two, combining marks none, a byte that is not UTF-8 one.
size_t DisplayWidth(std::string_view text);

// The longest beginning of `text` that fits `columns`.
std::string_view CutToWidth(std::string_view text, size_t columns);

// One line of output as it would be left on a terminal: without escape
// sequences and control characters, tabs as blanks, and of what carriage
// returns overwrite only the last. Bytes that are not UTF-8 become "?".
std::string PlainLine(std::string_view line);

// "2.1s".
std::string FormatSeconds(std::chrono::system_clock::duration duration);

// "12.5MB/s, 1m40s left" of a transfer that has moved `current` of `total`
// bytes (0: not known) in `elapsed`; "" where there is nothing to tell yet.
std::string TransferPace(uint64_t current_bytes, uint64_t total_bytes,
                         std::chrono::system_clock::duration elapsed);

}  // namespace strake::cli

#endif  // STRAKE_CLI_DISPLAY_TEXT_H_
