// Go's time.Duration as text.

#ifndef STRAKE_TASKS_GOTMPL_DURATION_H_
#define STRAKE_TASKS_GOTMPL_DURATION_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace strake::tasks::gotmpl {

// "1h30m", "-1.5s", "300ms", "0"; nothing where `text` is no duration of Go's
// or is too long for 64 bits of nanoseconds.
std::optional<std::chrono::nanoseconds> ParseDuration(std::string_view text);

// "1h30m0s", "1.5s", "0s".
std::string DurationText(std::chrono::nanoseconds duration);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_DURATION_H_
