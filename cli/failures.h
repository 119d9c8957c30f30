// What failed of a command that tries each of its arguments.

#ifndef STRAKE_CLI_FAILURES_H_
#define STRAKE_CLI_FAILURES_H_

#include <utility>

#include "cli/command.h"
#include "util/result.h"

namespace strake::cli {

class Failures {
 public:
  // Each is printed at once, but for the last: that is the command's own.
  void Add(Error error) {
    if (!last_) PrintError(ErrorText(last_.error()));
    last_ = std::move(error);
  }
  // The last one, where there is any.
  Status Take() && { return std::move(last_); }

 private:
  Status last_;
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_FAILURES_H_
