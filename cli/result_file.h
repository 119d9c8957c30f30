// Files that a build writes about itself: `--iidfile`, `--metadata-file`.

#ifndef STRAKE_CLI_RESULT_FILE_H_
#define STRAKE_CLI_RESULT_FILE_H_

#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::cli {

// What an earlier build wrote must not be taken for the result of one that
// fails; and where nothing can be written, that is said before the build. An
// empty path is fine.
Status PrepareResultFile(const char* option, const std::string& path);

// A regular file is replaced as a whole; /dev/stdout, a FIFO and the like are
// written to.
Status WriteResultFile(const std::string& path, std::string_view content);

}  // namespace strake::cli

#endif  // STRAKE_CLI_RESULT_FILE_H_
