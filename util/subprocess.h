// Runs a helper program (a credential helper, git) and collects what it
// prints. Not for the processes of a build, which run in a sandbox.

#ifndef STRAKE_UTIL_SUBPROCESS_H_
#define STRAKE_UTIL_SUBPROCESS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "util/result.h"

namespace strake {

struct SubprocessOptions {
  // The program and its arguments; a program without "/" is looked for on
  // PATH.
  std::vector<std::string> argv;
  // "NAME=value"; none: our own environment.
  std::optional<std::vector<std::string>> env;
  std::string working_dir;  // empty: ours
  std::string stdin_text;   // all that it can read
  // Standard output and standard error are each cut here, with an error.
  uint64_t output_limit_bytes = uint64_t{16} << 20;
  // The program is killed after so long; zero: never.
  std::chrono::milliseconds timeout{0};
};

struct SubprocessResult {
  int exit_status = 0;  // as the shell shows it: 128 + signal if killed by one
  std::string stdout_text;
  std::string stderr_text;
};

// Runs the program to its end. A failing program is a result, not an error.
// Its other descriptors are closed, its signal mask and dispositions default;
// it stays in our process group, so that it can ask at the terminal. What it
// leaves running in the background is not waited for.
// Errors: `kNotFound` (no such program), `kIo` (cannot be started),
// `kUnavailable` (timeout), `kCancelled` (`stop`), `kInvalidArgument` (output
// beyond the limit). The program is killed and reaped in each case.
Result<SubprocessResult> RunSubprocess(const SubprocessOptions& options,
                                       std::stop_token stop = {});

}  // namespace strake

#endif  // STRAKE_UTIL_SUBPROCESS_H_
