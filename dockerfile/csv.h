// One record of comma-separated values, as `--mount` and `--device` take it
// (RFC 4180: a field in double quotes may hold commas, `""` is one quote).

#ifndef STRAKE_DOCKERFILE_CSV_H_
#define STRAKE_DOCKERFILE_CSV_H_

#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::dockerfile {

// The fields of `record`. Errors: kInvalidArgument for stray quotes.
Result<std::vector<std::string>> SplitCsv(std::string_view record);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_CSV_H_
