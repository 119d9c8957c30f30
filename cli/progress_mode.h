// Which of the progress displays is used, and making it.

#ifndef STRAKE_CLI_PROGRESS_MODE_H_
#define STRAKE_CLI_PROGRESS_MODE_H_

#include <memory>
#include <string>
#include <string_view>

#include "builder/progress.h"
#include "cli/environment.h"
#include "util/result.h"

namespace strake::cli {

enum class ProgressMode { kTty, kPlain, kQuiet, kRawJson };

// `--progress`: "auto" and "" are the live view where standard error is a
// terminal that can move its cursor, else plain lines. `kInvalidArgument` for
// "tty" where it is none, and for other words.
//   text  the option, or else $BUILDKIT_PROGRESS
Result<ProgressMode> ChooseProgress(std::string_view text,
                                    const Environment& environment);

// What the live view says above its steps.
struct ProgressTitle {
  std::string verb = "Building";
  // Whether the line stays while nothing runs, and is left behind at the end.
  bool keep = true;
};

// A display on standard error. Its destructor leaves the last state there.
std::unique_ptr<builder::ProgressSink> MakeProgress(
    ProgressMode mode, const Environment& environment,
    const ProgressTitle& title);

}  // namespace strake::cli

#endif  // STRAKE_CLI_PROGRESS_MODE_H_
