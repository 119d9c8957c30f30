// Durations as Go writes them: "1h30m", "1.5s", "300ms".

#ifndef STRAKE_DOCKERFILE_GO_DURATION_H_
#define STRAKE_DOCKERFILE_GO_DURATION_H_

#include <chrono>
#include <string_view>

#include "util/result.h"

namespace strake::dockerfile {

// Go's time.ParseDuration: an optional sign, then numbers with a unit each of
// ns, us, ms, s, m, h; or "0". Errors: kInvalidArgument in Go's words.
Result<std::chrono::nanoseconds> ParseGoDuration(std::string_view text);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_GO_DURATION_H_
