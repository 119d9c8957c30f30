// One line of comma-separated values (RFC 4180).

#ifndef STRAKE_UTIL_CSV_H_
#define STRAKE_UTIL_CSV_H_

#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake {

// The fields of `type=oci,"name=a,b"`: at least one. A quote within quotes is
// written twice. `kInvalidArgument` where a quote is not closed.
Result<std::vector<std::string>> SplitCsv(std::string_view line);

}  // namespace strake

#endif  // STRAKE_UTIL_CSV_H_
